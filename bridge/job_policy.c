/* SPDX-License-Identifier: Apache-2.0 */
/* The option policies: certificatePolicies with their qualifiers. */
#include "cleanup.h"
#include "job_parts.h"

static inline void cleanup_policies(CERTIFICATEPOLICIES **policies)
{
	CERTIFICATEPOLICIES_free(*policies);
}

static inline void cleanup_policy(POLICYINFO **policy)
{
	POLICYINFO_free(*policy);
}

static inline void cleanup_qualifier(POLICYQUALINFO **qualifier)
{
	POLICYQUALINFO_free(*qualifier);
}

static bool text_is_ascii(const char *text)
{
	for (; *text; text++) {
		if ((uint8_t)*text < 0x20 || (uint8_t)*text > 0x7E)
			return false;
	}
	return true;
}

static CK_RV make_string(
	int type, const json_t *value, const char *what, struct job_cause *cause, ASN1_STRING **out)
{
	ASN1_STRING *made;
	const char *text;

	TRY(job_json_text(value, what, cause, &text));
	if (*text == '\0' || (type != V_ASN1_UTF8STRING && !text_is_ascii(text)))
		return job_cause_refuse(cause, "Invalid %s: empty or not plain ASCII", what);
	made = ASN1_STRING_type_new(type);
	if (!made || !ASN1_STRING_set(made, text, -1)) {
		ASN1_STRING_free(made);
		return job_cause_memory(cause);
	}
	*out = made;
	return CKR_OK;
}

static CK_RV add_number(NOTICEREF *reference, const json_t *value, struct job_cause *cause)
{
	CLEANUP(asn1_integer) ASN1_INTEGER *number = ASN1_INTEGER_new();
	int64_t wanted;

	TRY(job_json_integer(value, "policies noticeNumbers", cause, &wanted));
	if (!number || !ASN1_INTEGER_set_int64(number, wanted) ||
		!sk_ASN1_INTEGER_push(reference->noticenos, number))
		return job_cause_memory(cause);
	number = NULL;
	return CKR_OK;
}

/* RFC 5280, 4.2.1.4: a notice reference has both an organization and numbers. */
static CK_RV set_reference(USERNOTICE *notice, const json_t *value, struct job_cause *cause)
{
	const json_t *organization = json_object_get(value, "organization");
	const json_t *numbers = json_object_get(value, "noticeNumbers");
	const json_t *element;
	size_t i;

	if (job_json_is_falsy(organization) && job_json_is_off(numbers))
		return CKR_OK;
	if (job_json_is_falsy(organization) || job_json_is_off(numbers))
		return job_cause_refuse(
			cause, "Invalid policies: userNotice needs organization and noticeNumbers");
	notice->noticeref = NOTICEREF_new();
	if (!notice->noticeref)
		return job_cause_memory(cause);
	ASN1_STRING_free(notice->noticeref->organization);
	notice->noticeref->organization = NULL;
	TRY(make_string(V_ASN1_IA5STRING, organization, "policies organization", cause,
		&notice->noticeref->organization));
	TRY(job_json_list(numbers, "policies noticeNumbers", cause, &numbers));
	json_array_foreach(numbers, i, element) TRY(add_number(notice->noticeref, element, cause));
	return CKR_OK;
}

/* VisibleString as the platform is used to; what that cannot hold goes into a UTF8String (RFC
 * 5280). */
static CK_RV set_text(USERNOTICE *notice, const json_t *value, struct job_cause *cause)
{
	bool plain = json_is_string(value) && text_is_ascii(json_string_value(value));

	if (job_json_is_falsy(value))
		return CKR_OK;
	return make_string(plain ? V_ASN1_VISIBLESTRING : V_ASN1_UTF8STRING, value,
		"policies explicitText", cause, &notice->exptext);
}

static CK_RV push_qualifier(POLICYINFO *policy, POLICYQUALINFO **qualifier, struct job_cause *cause)
{
	if (!policy->qualifiers)
		policy->qualifiers = sk_POLICYQUALINFO_new_null();
	if (!policy->qualifiers || !sk_POLICYQUALINFO_push(policy->qualifiers, *qualifier))
		return job_cause_memory(cause);
	*qualifier = NULL;
	return CKR_OK;
}

static CK_RV add_notice(POLICYINFO *policy, const json_t *value, struct job_cause *cause)
{
	CLEANUP(qualifier) POLICYQUALINFO *qualifier = POLICYQUALINFO_new();

	TRY(job_json_object(value, "policies userNotice", cause));
	if (!qualifier)
		return job_cause_memory(cause);
	/* The qualifier is freed by its id, which must fit before it holds anything. */
	qualifier->pqualid = OBJ_nid2obj(NID_id_qt_unotice);
	qualifier->d.usernotice = USERNOTICE_new();
	if (!qualifier->d.usernotice)
		return job_cause_memory(cause);
	TRY(set_reference(qualifier->d.usernotice, value, cause));
	TRY(set_text(qualifier->d.usernotice, json_object_get(value, "explicitText"), cause));
	return push_qualifier(policy, &qualifier, cause);
}

static CK_RV add_statement(POLICYINFO *policy, const json_t *url, struct job_cause *cause)
{
	CLEANUP(qualifier) POLICYQUALINFO *qualifier = POLICYQUALINFO_new();

	if (!qualifier)
		return job_cause_memory(cause);
	qualifier->pqualid = OBJ_nid2obj(NID_id_qt_cps);
	TRY(make_string(V_ASN1_IA5STRING, url, "policies CPS", cause, &qualifier->d.cpsuri));
	return push_qualifier(policy, &qualifier, cause);
}

static CK_RV add_statements(POLICYINFO *policy, const json_t *value, struct job_cause *cause)
{
	const json_t *list;
	const json_t *url;
	size_t i;

	if (job_json_is_off(value))
		return CKR_OK;
	if (json_is_string(value))
		return add_statement(policy, value, cause);
	TRY(job_json_list(value, "policies CPS", cause, &list));
	json_array_foreach(list, i, url) TRY(add_statement(policy, url, cause));
	return CKR_OK;
}

static CK_RV add_notices(POLICYINFO *policy, const json_t *value, struct job_cause *cause)
{
	const json_t *list;
	const json_t *notice;
	size_t i;

	if (job_json_is_off(value))
		return CKR_OK;
	TRY(job_json_list(value, "policies userNotice", cause, &list));
	json_array_foreach(list, i, notice) TRY(add_notice(policy, notice, cause));
	return CKR_OK;
}

static bool policy_is_listed(const CERTIFICATEPOLICIES *policies, const ASN1_OBJECT *identifier)
{
	for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
		if (OBJ_cmp(sk_POLICYINFO_value(policies, i)->policyid, identifier) == 0)
			return true;
	}
	return false;
}

static CK_RV add_policy(CERTIFICATEPOLICIES *policies, const json_t *value, struct job_cause *cause)
{
	CLEANUP(policy) POLICYINFO *policy = POLICYINFO_new();
	const char *identifier;

	if (!policy)
		return job_cause_memory(cause);
	TRY(job_json_object(value, "policies", cause));
	TRY(job_json_text(json_object_get(value, "policyIdentifier"), "policies policyIdentifier",
		cause, &identifier));
	ASN1_OBJECT_free(policy->policyid);
	policy->policyid = job_asn1_oid(identifier);
	if (!policy->policyid)
		return job_cause_refuse(cause, "Invalid policies: %s", identifier);
	if (policy_is_listed(policies, policy->policyid))
		return job_cause_refuse(cause, "Invalid policies: %s appears twice", identifier);
	TRY(add_statements(policy, json_object_get(value, "CPS"), cause));
	TRY(add_notices(policy, json_object_get(value, "userNotice"), cause));
	if (!sk_POLICYINFO_push(policies, policy))
		return job_cause_memory(cause);
	policy = NULL;
	return CKR_OK;
}

CK_RV job_policy_list(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(policies) CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
	const json_t *list;
	const json_t *element;
	size_t i;

	if (!policies)
		return job_cause_memory(cause);
	TRY(job_json_list(value, "policies", cause, &list));
	json_array_foreach(list, i, element) TRY(add_policy(policies, element, cause));
	if (sk_POLICYINFO_num(policies) == 0)
		return CKR_OK;
	return job_extension_encode(cert, NID_certificate_policies, false, policies, cause);
}
