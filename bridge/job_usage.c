/* SPDX-License-Identifier: Apache-2.0 */
/* The options keyUsage and extendedKeyUsage. */
#include "cleanup.h"
#include "job_parts.h"

static inline void cleanup_bits(ASN1_BIT_STRING **bits)
{
	ASN1_BIT_STRING_free(*bits);
}

static inline void cleanup_purposes(EXTENDED_KEY_USAGE **purposes)
{
	EXTENDED_KEY_USAGE_free(*purposes);
}

/* Bits of RFC 5280, 4.2.1.3. */
static const struct {
	const char *name;
	int bit;
} key_usages[] = {
	{ "digitalSignature", 0 },
	{ "nonRepudiation", 1 },
	{ "keyEncipherment", 2 },
	{ "dataEncipherment", 3 },
	{ "keyAgreement", 4 },
	{ "keyCertSign", 5 },
	{ "cRLSign", 6 },
	{ "encipherOnly", 7 },
	{ "decipherOnly", 8 },
};

static const struct {
	const char *name;
	int nid;
} purposes_known[] = {
	{ "serverAuth", NID_server_auth },
	{ "clientAuth", NID_client_auth },
	{ "codeSigning", NID_code_sign },
	{ "emailProtection", NID_email_protect },
	{ "timeStamping", NID_time_stamp },
	{ "OCSPSigning", NID_OCSP_sign },
	{ "msCodeInd", NID_ms_code_ind },
	{ "msCodeCom", NID_ms_code_com },
	{ "msCTLSign", NID_ms_ctl_sign },
	{ "msEFS", NID_ms_efs },
	{ "ipsecIKE", NID_ipsec_IKE },
	{ "ipsecEndSystem", NID_ipsecEndSystem },
	{ "ipsecTunnel", NID_ipsecTunnel },
	{ "ipsecUser", NID_ipsecUser },
};

/* The two options share their form: {critical, usages: [text]}. */
static CK_RV read_usages(const json_t *value, const char *what, struct job_cause *cause,
	bool *critical, const json_t **list)
{
	TRY(job_json_object(value, what, cause));
	TRY(job_json_flag(json_object_get(value, "critical"), what, cause, critical));
	TRY(job_json_list(json_object_get(value, "usages"), what, cause, list));
	if (json_array_size(*list) == 0)
		return job_cause_refuse(cause, "Invalid %s: names no usage", what);
	return CKR_OK;
}

static CK_RV set_usage(ASN1_BIT_STRING *bits, const json_t *value, struct job_cause *cause)
{
	const char *name;

	TRY(job_json_text(value, "keyUsage", cause, &name));
	for (size_t i = 0; i < ARRAY_LEN(key_usages); i++) {
		if (strcmp(key_usages[i].name, name) != 0)
			continue;
		if (!ASN1_BIT_STRING_set_bit(bits, key_usages[i].bit, 1))
			return job_cause_memory(cause);
		return CKR_OK;
	}
	return job_cause_refuse(cause, "Invalid keyUsage: %s", name);
}

CK_RV job_usage_key(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(bits) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	const json_t *list;
	const json_t *element;
	bool critical;
	size_t i;

	if (!bits)
		return job_cause_memory(cause);
	TRY(read_usages(value, "keyUsage", cause, &critical, &list));
	json_array_foreach(list, i, element) TRY(set_usage(bits, element, cause));
	return job_extension_encode(cert, NID_key_usage, critical, bits, cause);
}

static ASN1_OBJECT *purpose_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(purposes_known); i++) {
		if (strcmp(purposes_known[i].name, name) == 0)
			return OBJ_nid2obj(purposes_known[i].nid);
	}
	return job_asn1_oid(name);
}

static CK_RV add_purpose(EXTENDED_KEY_USAGE *purposes, const json_t *value, struct job_cause *cause)
{
	ASN1_OBJECT *purpose;
	const char *name;

	TRY(job_json_text(value, "extendedKeyUsage", cause, &name));
	purpose = purpose_find(name);
	if (!purpose)
		return job_cause_refuse(cause, "Invalid extendedKeyUsage: %s", name);
	if (sk_ASN1_OBJECT_push(purposes, purpose))
		return CKR_OK;
	ASN1_OBJECT_free(purpose);
	return job_cause_memory(cause);
}

CK_RV job_usage_extended(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(purposes) EXTENDED_KEY_USAGE *purposes = EXTENDED_KEY_USAGE_new();
	const json_t *list;
	const json_t *element;
	bool critical;
	size_t i;

	if (!purposes)
		return job_cause_memory(cause);
	TRY(read_usages(value, "extendedKeyUsage", cause, &critical, &list));
	json_array_foreach(list, i, element) TRY(add_purpose(purposes, element, cause));
	return job_extension_encode(cert, NID_ext_key_usage, critical, purposes, cause);
}
