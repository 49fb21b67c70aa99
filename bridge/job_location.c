/* SPDX-License-Identifier: Apache-2.0 */
/* The options authorityInfoAccess and crlDistributionPoints. */
#include "cleanup.h"
#include "job_parts.h"

static inline void cleanup_name(GENERAL_NAME **name)
{
	GENERAL_NAME_free(*name);
}

static inline void cleanup_access(AUTHORITY_INFO_ACCESS **access)
{
	AUTHORITY_INFO_ACCESS_free(*access);
}

static inline void cleanup_description(ACCESS_DESCRIPTION **description)
{
	ACCESS_DESCRIPTION_free(*description);
}

static inline void cleanup_points(CRL_DIST_POINTS **points)
{
	CRL_DIST_POINTS_free(*points);
}

static inline void cleanup_point(DIST_POINT **point)
{
	DIST_POINT_free(*point);
}

static const struct access_method {
	const char *name;
	int nid;
} access_methods[] = {
	{ "OCSP", NID_ad_OCSP },
	{ "caIssuers", NID_ad_ca_issuers },
};

static CK_RV check_methods(const json_t *value, struct job_cause *cause)
{
	json_t *object = (json_t *)(uintptr_t)value;

	TRY(job_json_object(value, "authorityInfoAccess", cause));
	for (void *iter = json_object_iter(object); iter;
		iter = json_object_iter_next(object, iter)) {
		const char *key = json_object_iter_key(iter);

		if (strcmp(key, access_methods[0].name) != 0 &&
			strcmp(key, access_methods[1].name) != 0)
			return job_cause_refuse(cause, "Invalid authorityInfoAccess: %s", key);
	}
	return CKR_OK;
}

static CK_RV add_location(AUTHORITY_INFO_ACCESS *access, const struct access_method *method,
	const json_t *url, struct job_cause *cause)
{
	CLEANUP(description) ACCESS_DESCRIPTION *description = ACCESS_DESCRIPTION_new();
	CLEANUP(name) GENERAL_NAME *name = NULL;

	if (!description)
		return job_cause_memory(cause);
	TRY(job_name_from_json("URI", url, "authorityInfoAccess", cause, &name));
	ASN1_OBJECT_free(description->method);
	description->method = OBJ_nid2obj(method->nid);
	GENERAL_NAME_free(description->location);
	description->location = steal(&name);
	if (!sk_ACCESS_DESCRIPTION_push(access, description))
		return job_cause_memory(cause);
	description = NULL;
	return CKR_OK;
}

static CK_RV add_locations(AUTHORITY_INFO_ACCESS *access, const struct access_method *method,
	const json_t *value, struct job_cause *cause)
{
	const json_t *list;
	const json_t *url;
	size_t i;

	if (job_json_is_off(value))
		return CKR_OK;
	TRY(job_json_list(value, "authorityInfoAccess", cause, &list));
	json_array_foreach(list, i, url) TRY(add_location(access, method, url, cause));
	return CKR_OK;
}

CK_RV job_location_information_access(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(access) AUTHORITY_INFO_ACCESS *access = AUTHORITY_INFO_ACCESS_new();

	if (!access)
		return job_cause_memory(cause);
	TRY(check_methods(value, cause));
	for (size_t i = 0; i < ARRAY_LEN(access_methods); i++)
		TRY(add_locations(access, &access_methods[i],
			json_object_get(value, access_methods[i].name), cause));
	if (sk_ACCESS_DESCRIPTION_num(access) == 0)
		return CKR_OK;
	return job_extension_encode(cert, NID_info_access, false, access, cause);
}

static CK_RV add_point(CRL_DIST_POINTS *points, const json_t *url, struct job_cause *cause)
{
	CLEANUP(point) DIST_POINT *point = DIST_POINT_new();
	CLEANUP(name) GENERAL_NAME *name = NULL;

	TRY(job_name_from_json("URI", url, "crlDistributionPoints", cause, &name));
	if (!point || !(point->distpoint = DIST_POINT_NAME_new()))
		return job_cause_memory(cause);
	point->distpoint->type = 0; /* fullName */
	point->distpoint->name.fullname = GENERAL_NAMES_new();
	if (!point->distpoint->name.fullname ||
		!sk_GENERAL_NAME_push(point->distpoint->name.fullname, name))
		return job_cause_memory(cause);
	name = NULL;
	if (!sk_DIST_POINT_push(points, point))
		return job_cause_memory(cause);
	point = NULL;
	return CKR_OK;
}

CK_RV job_location_distribution_points(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(points) CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
	const json_t *list;
	const json_t *url;
	size_t i;

	if (!points)
		return job_cause_memory(cause);
	TRY(job_json_list(value, "crlDistributionPoints", cause, &list));
	json_array_foreach(list, i, url) TRY(add_point(points, url, cause));
	if (sk_DIST_POINT_num(points) == 0)
		return CKR_OK;
	return job_extension_encode(cert, NID_crl_distribution_points, false, points, cause);
}
