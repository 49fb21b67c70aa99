/* SPDX-License-Identifier: Apache-2.0 */
/* The extensions of a certificate, in the order of the request, subjectAltName last. */
#include "cleanup.h"
#include "job_parts.h"

/* `nid` is what the option becomes, and what is taken over from a CSR. */
static const struct option {
	const char *name;
	job_extension_build *build;
	int nid;
} options[] = {
	{ "basicConstraints", job_basic_constraints, NID_basic_constraints },
	{ "keyUsage", job_usage_key, NID_key_usage },
	{ "extendedKeyUsage", job_usage_extended, NID_ext_key_usage },
	{ "tlsfeature", job_basic_tls_feature, NID_tlsfeature },
	{ "authorityInfoAccess", job_location_information_access, NID_info_access },
	{ "crlDistributionPoints", job_location_distribution_points, NID_crl_distribution_points },
	{ "policies", job_policy_list, NID_certificate_policies },
	{ "customOIDs", job_custom_list, NID_undef },
	{ "SANs", job_name_alternatives, NID_subject_alt_name },
};

static const char alternatives[] = "SANs";

CK_RV job_extension_append(X509 *cert, X509_EXTENSION *extension, struct job_cause *cause)
{
	char name[64] = { 0 };

	if (X509_get_ext_by_OBJ(cert, X509_EXTENSION_get_object(extension), -1) >= 0) {
		(void)OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(extension), 0);
		return job_cause_refuse(cause, "Invalid extension: %s appears twice", name);
	}
	if (!X509_add_ext(cert, extension, -1))
		return job_cause_memory(cause);
	return CKR_OK;
}

CK_RV job_extension_encode(
	X509 *cert, int nid, bool critical, void *structure, struct job_cause *cause)
{
	CLEANUP(x509_extension)
	X509_EXTENSION *extension = X509V3_EXT_i2d(nid, critical, structure);

	if (!extension)
		return job_cause_memory(cause);
	return job_extension_append(cert, extension, cause);
}

static const struct option *option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

static CK_RV add_option(X509 *cert, const char *name, const json_t *value, struct job_cause *cause)
{
	const struct option *option = option_find(name);

	if (!option)
		return job_cause_refuse(cause, "Invalid extension: %s", name);
	if (job_json_is_off(value))
		return CKR_OK;
	return option->build(cert, value, cause);
}

CK_RV job_extension_add_options(X509 *cert, const json_t *extensions, struct job_cause *cause)
{
	json_t *object = (json_t *)(uintptr_t)extensions;

	if (job_json_is_off(extensions))
		return CKR_OK;
	TRY(job_json_object(extensions, "extensions", cause));
	for (void *iter = json_object_iter(object); iter;
		iter = json_object_iter_next(object, iter)) {
		const char *name = json_object_iter_key(iter);

		if (strcmp(name, alternatives) != 0)
			TRY(add_option(cert, name, json_object_iter_value(iter), cause));
	}
	return add_option(cert, alternatives, json_object_get(extensions, alternatives), cause);
}

static bool nid_is_optional(int nid)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (nid != NID_undef && options[i].nid == nid)
			return true;
	}
	return false;
}

/* What does not parse as its kind would go out under the CA's name. */
static CK_RV take_over(X509 *cert, X509_EXTENSION *extension, struct job_cause *cause)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
	void *structure = X509V3_EXT_d2i(extension);
	bool critical = X509_EXTENSION_get_critical(extension) && nid != NID_subject_alt_name;
	const X509V3_EXT_METHOD *method = X509V3_EXT_get_nid(nid);
	CK_RV rv;

	if (!structure || !method)
		return job_cause_refuse(
			cause, "Invalid csr: its extension %s is malformed", OBJ_nid2sn(nid));
	rv = job_extension_encode(cert, nid, critical, structure, cause);
	ASN1_item_free(structure, ASN1_ITEM_ptr(method->it));
	return rv;
}

static CK_RV take_over_all(
	X509 *cert, const STACK_OF(X509_EXTENSION) * list, bool names_only, struct job_cause *cause)
{
	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++) {
		X509_EXTENSION *extension = sk_X509_EXTENSION_value(list, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

		if (nid_is_optional(nid) && names_only == (nid == NID_subject_alt_name))
			TRY(take_over(cert, extension, cause));
	}
	return CKR_OK;
}

CK_RV job_extension_add_csr(X509 *cert, X509_REQ *request, struct job_cause *cause)
{
	STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(request);
	CK_RV rv = CKR_OK;

	if (list)
		rv = take_over_all(cert, list, false, cause);
	if (list && rv == CKR_OK)
		rv = take_over_all(cert, list, true, cause);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return rv;
}
