/* SPDX-License-Identifier: Apache-2.0 */
/* The option customOIDs: any extension, its value as scalar ASN.1 or DER in hex. */
#include <stdio.h>

#include "cleanup.h"
#include "job_parts.h"

enum { WHAT_MAX = JOB_OID_MAX + 16 };

static inline void cleanup_type(ASN1_TYPE **type)
{
	ASN1_TYPE_free(*type);
}

static inline void cleanup_octets(ASN1_OCTET_STRING **octets)
{
	ASN1_OCTET_STRING_free(*octets);
}

static inline void cleanup_object(ASN1_OBJECT **object)
{
	ASN1_OBJECT_free(*object);
}

/* One extension as it is being read; `what` names it in causes. */
struct custom {
	X509 *cert;
	const ASN1_OBJECT *object;
	const char *what;
	bool critical;
	struct job_cause *cause;
};

static CK_RV append(const struct custom *custom, const uint8_t *der, int len)
{
	CLEANUP(octets) ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	CLEANUP(x509_extension) X509_EXTENSION *extension = NULL;

	if (!value || !ASN1_OCTET_STRING_set(value, der, len))
		return job_cause_memory(custom->cause);
	extension = X509_EXTENSION_create_by_OBJ(NULL, custom->object, custom->critical, value);
	if (!extension)
		return job_cause_memory(custom->cause);
	return job_extension_append(custom->cert, extension, custom->cause);
}

static CK_RV add_scalar(const struct custom *custom, const char *text)
{
	CLEANUP(type) ASN1_TYPE *scalar = NULL;
	CLEANUP(openssl) uint8_t *der = NULL;
	int len;

	TRY(job_asn1_scalar(text, custom->what, custom->cause, &scalar));
	len = i2d_ASN1_TYPE(scalar, &der);
	if (len <= 0)
		return job_cause_memory(custom->cause);
	return append(custom, der, len);
}

static bool der_is_one_element(const uint8_t *der, long len)
{
	CLEANUP(type) ASN1_TYPE *element = NULL;
	const uint8_t *at = der;

	element = d2i_ASN1_TYPE(NULL, &at, len);
	return element && at == der + len;
}

static CK_RV add_der(const struct custom *custom, const char *text)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	long len = 0;

	if (*text != '\0')
		der = OPENSSL_hexstr2buf(text, &len);
	if (!der || !der_is_one_element(der, len))
		return job_cause_refuse(custom->cause,
			"Invalid %s: DER: needs one DER element in hex", custom->what);
	return append(custom, der, (int)len);
}

static CK_RV add_constraints(const struct custom *custom, const char *text)
{
	return job_constraint_add(custom->cert, custom->critical, text, custom->cause);
}

/* OpenSSL ignores the value of noCheck, so "ignored" and the like must do. */
static CK_RV add_no_check(const struct custom *custom, const char *text)
{
	(void)text;
	return add_scalar(custom, "NULL");
}

/* How a value begins, or which extension takes a form of its own. */
static const struct form {
	const char *prefix;
	int nid;
	CK_RV (*add)(const struct custom *custom, const char *text);
} forms[] = {
	{ "ASN1:", NID_undef, add_scalar },
	{ "DER:", NID_undef, add_der },
	{ "", NID_name_constraints, add_constraints },
	{ "", NID_id_pkix_OCSP_noCheck, add_no_check },
};

static bool form_fits(const struct form *form, const struct custom *custom, const char *text)
{
	return strncmp(text, form->prefix, strlen(form->prefix)) == 0 &&
	       (form->nid == NID_undef || form->nid == OBJ_obj2nid(custom->object));
}

static CK_RV add_value(struct custom *custom, const char *text)
{
	static const char critical[] = "critical,";

	if (strncmp(text, critical, strlen(critical)) == 0) {
		custom->critical = true;
		text += strlen(critical);
		text += strspn(text, " ");
	}
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (form_fits(&forms[i], custom, text)) {
			text += strlen(forms[i].prefix);
			return forms[i].add(custom, text + strspn(text, " "));
		}
	}
	return job_cause_refuse(
		custom->cause, "Invalid %s: the value must begin with ASN1: or DER:", custom->what);
}

static CK_RV add_custom(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(object) ASN1_OBJECT *object = NULL;
	char what[WHAT_MAX];
	const char *name;
	const char *text;

	TRY(job_json_object(value, "customOIDs", cause));
	TRY(job_json_text(json_object_get(value, "OID"), "customOIDs OID", cause, &name));
	if (strlen(name) <= JOB_OID_MAX)
		object = OBJ_txt2obj(name, 0);
	if (!object)
		return job_cause_refuse(cause, "Invalid customOIDs: %s", name);
	(void)snprintf(what, sizeof(what), "customOIDs %s", name);
	TRY(job_json_text(json_object_get(value, "value"), what, cause, &text));
	return add_value(&(struct custom){ cert, object, what, false, cause }, text);
}

CK_RV job_custom_list(X509 *cert, const json_t *value, struct job_cause *cause)
{
	const json_t *list;
	const json_t *element;
	size_t i;

	TRY(job_json_list(value, "customOIDs", cause, &list));
	json_array_foreach(list, i, element) TRY(add_custom(cert, element, cause));
	return CKR_OK;
}
