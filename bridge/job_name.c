/* SPDX-License-Identifier: Apache-2.0 */
/* General names, and the option SANs made of them. */
#include <arpa/inet.h>

#include "cleanup.h"
#include "job_parts.h"

static inline void cleanup_name(GENERAL_NAME **name)
{
	GENERAL_NAME_free(*name);
}

static inline void cleanup_names(GENERAL_NAMES **names)
{
	GENERAL_NAMES_free(*names);
}

static inline void cleanup_type(ASN1_TYPE **type)
{
	ASN1_TYPE_free(*type);
}

static inline void cleanup_object(ASN1_OBJECT **object)
{
	ASN1_OBJECT_free(*object);
}

struct name_type;
typedef CK_RV name_fill(const struct name_type *type, GENERAL_NAME *name, const char *value,
	const char *what, struct job_cause *cause);

struct name_type {
	const char *name;
	int kind; /* GEN_ constant */
	name_fill *fill;
};

static CK_RV refuse_value(
	const struct name_type *type, const char *value, const char *what, struct job_cause *cause)
{
	return job_cause_refuse(cause, "Invalid %s: %s:%s", what, type->name, value);
}

/* Printable ASCII: IA5String has no room for more, and control characters have no place in a name.
 */
static bool text_is_printable(const char *text, char lowest)
{
	if (*text == '\0')
		return false;
	for (; *text; text++) {
		if (*text < lowest || *text > '~')
			return false;
	}
	return true;
}

static CK_RV fill_text(const struct name_type *type, GENERAL_NAME *name, const char *value,
	const char *what, struct job_cause *cause)
{
	ASN1_IA5STRING *text;

	/* The quoted local part of an address may hold blanks. */
	if (!text_is_printable(value, type->kind == GEN_EMAIL ? ' ' : '!'))
		return refuse_value(type, value, what, cause);
	text = ASN1_IA5STRING_new();
	if (!text || !ASN1_STRING_set(text, value, -1)) {
		ASN1_IA5STRING_free(text);
		return job_cause_memory(cause);
	}
	GENERAL_NAME_set0_value(name, type->kind, text);
	return CKR_OK;
}

static CK_RV fill_address(const struct name_type *type, GENERAL_NAME *name, const char *value,
	const char *what, struct job_cause *cause)
{
	uint8_t address[sizeof(struct in6_addr)];
	int len = strchr(value, ':') ? (int)sizeof(struct in6_addr) : (int)sizeof(struct in_addr);
	ASN1_OCTET_STRING *text;

	if (inet_pton(strchr(value, ':') ? AF_INET6 : AF_INET, value, address) != 1)
		return refuse_value(type, value, what, cause);
	text = ASN1_OCTET_STRING_new();
	if (!text || !ASN1_OCTET_STRING_set(text, address, len)) {
		ASN1_OCTET_STRING_free(text);
		return job_cause_memory(cause);
	}
	GENERAL_NAME_set0_value(name, type->kind, text);
	return CKR_OK;
}

static CK_RV fill_identifier(const struct name_type *type, GENERAL_NAME *name, const char *value,
	const char *what, struct job_cause *cause)
{
	ASN1_OBJECT *object = job_asn1_oid(value);

	if (!object)
		return refuse_value(type, value, what, cause);
	GENERAL_NAME_set0_value(name, type->kind, object);
	return CKR_OK;
}

/* "msUPN;UTF8:user@x" or "1.2.3;TYPE:value". */
static CK_RV fill_other(const struct name_type *type, GENERAL_NAME *name, const char *value,
	const char *what, struct job_cause *cause)
{
	static const char upn[] = "msUPN";
	CLEANUP(object) ASN1_OBJECT *object = NULL;
	CLEANUP(type) ASN1_TYPE *scalar = NULL;
	size_t oid_len = strcspn(value, ";");
	char oid[JOB_OID_MAX + 1] = { 0 };

	if (value[oid_len] != ';' || oid_len > JOB_OID_MAX)
		return refuse_value(type, value, what, cause);
	memcpy(oid, value, oid_len);
	object = strcmp(oid, upn) == 0 ? OBJ_nid2obj(NID_ms_upn) : job_asn1_oid(oid);
	if (!object)
		return refuse_value(type, value, what, cause);
	TRY(job_asn1_scalar(value + oid_len + 1, what, cause, &scalar));
	if (!GENERAL_NAME_set0_othername(name, object, scalar))
		return job_cause_memory(cause);
	object = NULL;
	scalar = NULL;
	return CKR_OK;
}

static CK_RV refuse_directory(const struct name_type *type, GENERAL_NAME *name, const char *value,
	const char *what, struct job_cause *cause)
{
	(void)name;
	(void)value;
	return job_cause_refuse(
		cause, "Invalid %s: names of type %s are not supported", what, type->name);
}

static const struct name_type name_types[] = {
	{ "DNS", GEN_DNS, fill_text },
	{ "IP", GEN_IPADD, fill_address },
	{ "URI", GEN_URI, fill_text },
	{ "email", GEN_EMAIL, fill_text },
	{ "RID", GEN_RID, fill_identifier },
	{ "dirName", GEN_DIRNAME, refuse_directory },
	{ "otherName", GEN_OTHERNAME, fill_other },
};

static const struct name_type *type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(name_types); i++) {
		if (strcmp(name_types[i].name, name) == 0)
			return &name_types[i];
	}
	return NULL;
}

CK_RV job_name_make(const char *type, const char *value, const char *what, struct job_cause *cause,
	GENERAL_NAME **name)
{
	CLEANUP(name) GENERAL_NAME *made = GENERAL_NAME_new();
	const struct name_type *found = type_find(type);

	if (!made)
		return job_cause_memory(cause);
	if (!found)
		return job_cause_refuse(cause, "Invalid %s type : \"%s\"", what, type);
	TRY(found->fill(found, made, value, what, cause));
	*name = steal(&made);
	return CKR_OK;
}

CK_RV job_name_from_json(const char *type, const json_t *value, const char *what,
	struct job_cause *cause, GENERAL_NAME **name)
{
	const char *text;

	TRY(job_json_text(value, what, cause, &text));
	return job_name_make(type, text, what, cause, name);
}

static CK_RV add_alternatives(
	GENERAL_NAMES *names, const char *type, const json_t *value, struct job_cause *cause)
{
	const json_t *list;
	const json_t *element;
	size_t i;

	if (!type_find(type))
		return job_cause_refuse(cause, "Invalid SANs type : \"%s\"", type);
	if (job_json_is_off(value))
		return CKR_OK;
	TRY(job_json_list(value, "SANs", cause, &list));
	json_array_foreach(list, i, element)
	{
		CLEANUP(name) GENERAL_NAME *name = NULL;

		TRY(job_name_from_json(type, element, "SANs", cause, &name));
		if (!sk_GENERAL_NAME_push(names, name))
			return job_cause_memory(cause);
		name = NULL;
	}
	return CKR_OK;
}

CK_RV job_name_alternatives(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(names) GENERAL_NAMES *names = GENERAL_NAMES_new();
	json_t *object = (json_t *)(uintptr_t)value;

	if (!names)
		return job_cause_memory(cause);
	TRY(job_json_object(value, "SANs", cause));
	for (void *iter = json_object_iter(object); iter;
		iter = json_object_iter_next(object, iter))
		TRY(add_alternatives(
			names, json_object_iter_key(iter), json_object_iter_value(iter), cause));
	if (sk_GENERAL_NAME_num(names) == 0)
		return CKR_OK;
	return job_extension_encode(cert, NID_subject_alt_name, false, names, cause);
}
