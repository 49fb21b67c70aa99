/* SPDX-License-Identifier: Apache-2.0 */
/* Distinguished names of the attributes that the platform's signing policy knows. */
#include "cleanup.h"
#include "job_parts.h"

struct attribute {
	const char *name;
	int nid;
};

static const struct attribute policy[] = {
	{ "countryName", NID_countryName },
	{ "stateOrProvinceName", NID_stateOrProvinceName },
	{ "localityName", NID_localityName },
	{ "postalCode", NID_postalCode },
	{ "streetAddress", NID_streetAddress },
	{ "organizationName", NID_organizationName },
	{ "organizationalUnitName", NID_organizationalUnitName },
	{ "commonName", NID_commonName },
	{ "emailAddress", NID_pkcs9_emailAddress },
	{ "jurisdictionCountryName", NID_jurisdictionCountryName },
	{ "jurisdictionStateOrProvinceName", NID_jurisdictionStateOrProvinceName },
	{ "jurisdictionLocalityName", NID_jurisdictionLocalityName },
	{ "businessCategory", NID_businessCategory },
	{ "serialNumber", NID_serialNumber },
	{ "domainComponent", NID_domainComponent },
	{ "surname", NID_surname },
	{ "title", NID_title },
	{ "givenName", NID_givenName },
	{ "UID", NID_userId },
	{ "initials", NID_initials },
	{ "generationQualifier", NID_generationQualifier },
	{ "dnQualifier", NID_dnQualifier },
	{ "pseudonym", NID_pseudonym },
};

static const struct attribute *attribute_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(policy); i++) {
		if (strcmp(policy[i].name, name) == 0)
			return &policy[i];
	}
	return NULL;
}

/* OpenSSL's table gives the string type and the bounds of RFC 5280, appendix A. An empty value
 * makes no RDN. */
static CK_RV add_value(X509_NAME *name, const struct attribute *attribute, const json_t *value,
	struct job_cause *cause)
{
	const char *text;

	if (!json_is_string(value))
		return job_cause_refuse(cause,
			"Invalid subject: %s must be a text or a list of texts", attribute->name);
	TRY(job_json_text(value, attribute->name, cause, &text));
	if (*text == '\0')
		return CKR_OK;
	if (X509_NAME_add_entry_by_NID(
		    name, attribute->nid, MBSTRING_UTF8, (const uint8_t *)text, -1, -1, 0))
		return CKR_OK;
	return job_cause_refuse(cause,
		"Invalid subject: %s is too long, or has a character its type does not allow",
		attribute->name);
}

static CK_RV add_attribute(X509_NAME *name, const struct attribute *attribute, const json_t *value,
	struct job_cause *cause)
{
	const json_t *list;
	const json_t *element;
	size_t i;

	if (job_json_is_off(value))
		return CKR_OK;
	if (!json_is_array(value))
		return add_value(name, attribute, value, cause);
	TRY(job_json_list(value, attribute->name, cause, &list));
	json_array_foreach(list, i, element) TRY(add_value(name, attribute, element, cause));
	return CKR_OK;
}

static CK_RV check_keys(const json_t *subject, struct job_cause *cause)
{
	void *iter = json_object_iter((json_t *)(uintptr_t)subject);

	for (; iter; iter = json_object_iter_next((json_t *)(uintptr_t)subject, iter)) {
		const char *key = json_object_iter_key(iter);

		if (!attribute_find(key))
			return job_cause_refuse(cause, "Invalid subject: %s", key);
	}
	return CKR_OK;
}

static CK_RV add_in_policy_order(X509_NAME *name, const json_t *subject, struct job_cause *cause)
{
	for (size_t i = 0; i < ARRAY_LEN(policy); i++)
		TRY(add_attribute(
			name, &policy[i], json_object_get(subject, policy[i].name), cause));
	return CKR_OK;
}

static CK_RV add_in_own_order(X509_NAME *name, json_t *subject, struct job_cause *cause)
{
	const char *key;
	json_t *value;

	json_object_foreach(subject, key, value)
		TRY(add_attribute(name, attribute_find(key), value, cause));
	return CKR_OK;
}

CK_RV job_subject_from_options(
	const json_t *subject, enum job_name_order order, struct job_cause *cause, X509_NAME **name)
{
	CLEANUP(x509_name) X509_NAME *made = X509_NAME_new();

	if (!made)
		return job_cause_memory(cause);
	if (!job_json_is_off(subject)) {
		TRY(job_json_object(subject, "subject", cause));
		TRY(check_keys(subject, cause));
		TRY(order == JOB_NAME_SUBJECT
				? add_in_own_order(made, (json_t *)(uintptr_t)subject, cause)
				: add_in_policy_order(made, subject, cause));
	}
	*name = steal(&made);
	return CKR_OK;
}

/* Set 0: what was a multi-valued RDN becomes several. */
static bool copy_entry(X509_NAME *name, const X509_NAME_ENTRY *entry)
{
	return X509_NAME_add_entry(name, entry, -1, 0) == 1;
}

static bool copy_in_policy_order(X509_NAME *name, const X509_NAME *subject)
{
	for (size_t i = 0; i < ARRAY_LEN(policy); i++) {
		int at = -1;

		while ((at = X509_NAME_get_index_by_NID(subject, policy[i].nid, at)) >= 0) {
			if (!copy_entry(name, X509_NAME_get_entry(subject, at)))
				return false;
		}
	}
	return true;
}

static bool is_in_policy(const X509_NAME_ENTRY *entry)
{
	int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));

	for (size_t i = 0; i < ARRAY_LEN(policy); i++) {
		if (policy[i].nid == nid)
			return true;
	}
	return false;
}

static bool copy_in_own_order(X509_NAME *name, const X509_NAME *subject)
{
	for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);

		if (is_in_policy(entry) && !copy_entry(name, entry))
			return false;
	}
	return true;
}

CK_RV job_subject_from_csr(const X509_NAME *subject, enum job_name_order order,
	struct job_cause *cause, X509_NAME **name)
{
	CLEANUP(x509_name) X509_NAME *made = X509_NAME_new();

	if (!made || !(order == JOB_NAME_SUBJECT ? copy_in_own_order(made, subject)
						 : copy_in_policy_order(made, subject)))
		return job_cause_memory(cause);
	*name = steal(&made);
	return CKR_OK;
}
