/* SPDX-License-Identifier: Apache-2.0 */
/* The options basicConstraints and tlsfeature. */
#include "cleanup.h"
#include "job_parts.h"

enum { TLS_FEATURE_STATUS_REQUEST = 5 }; /* RFC 7633; the number of the TLS extension */

static inline void cleanup_constraints(BASIC_CONSTRAINTS **constraints)
{
	BASIC_CONSTRAINTS_free(*constraints);
}

static inline void cleanup_features(TLS_FEATURE **features)
{
	TLS_FEATURE_free(*features);
}

static const struct parameter {
	const char *name;
	const char *type;
} parameters[] = {
	{ "critical", "boolean" },
	{ "CA", "boolean" },
	{ "pathlen", "number" },
};

/* As JavaScript's typeof says it. */
static const char *type_name(const json_t *value)
{
	if (json_is_boolean(value))
		return "boolean";
	if (json_is_number(value))
		return "number";
	return json_is_string(value) ? "string" : "object";
}

static CK_RV check_parameter(const char *name, const json_t *value, struct job_cause *cause)
{
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
		if (strcmp(parameters[i].name, name) != 0)
			continue;
		if (json_is_null(value) || strcmp(type_name(value), parameters[i].type) == 0)
			return CKR_OK;
		return job_cause_refuse(cause,
			"Provided basicConstraints parameter '%s' is type %s, %s required", name,
			type_name(value), parameters[i].type);
	}
	return job_cause_refuse(cause, "Invalid basicConstraints: %s", name);
}

static CK_RV check_parameters(const json_t *value, struct job_cause *cause)
{
	json_t *object = (json_t *)(uintptr_t)value;

	TRY(job_json_object(value, "basicConstraints", cause));
	for (void *iter = json_object_iter(object); iter;
		iter = json_object_iter_next(object, iter))
		TRY(check_parameter(
			json_object_iter_key(iter), json_object_iter_value(iter), cause));
	if (!json_is_boolean(json_object_get(value, "CA")) &&
		!json_is_number(json_object_get(value, "pathlen")))
		return job_cause_refuse(cause, "Basic constraints cannot contain only 'critical'");
	return CKR_OK;
}

static CK_RV set_path_length(
	BASIC_CONSTRAINTS *constraints, const json_t *value, struct job_cause *cause)
{
	int64_t length = -1;

	if (json_is_number(value))
		TRY(job_json_integer(value, "basicConstraints pathlen", cause, &length));
	if (length < 0)
		return CKR_OK;
	constraints->pathlen = ASN1_INTEGER_new();
	if (!constraints->pathlen || !ASN1_INTEGER_set_int64(constraints->pathlen, length))
		return job_cause_memory(cause);
	return CKR_OK;
}

CK_RV job_basic_constraints(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(constraints) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();

	if (!constraints)
		return job_cause_memory(cause);
	TRY(check_parameters(value, cause));
	constraints->ca = json_is_true(json_object_get(value, "CA")) ? 0xFF : 0;
	TRY(set_path_length(constraints, json_object_get(value, "pathlen"), cause));
	return job_extension_encode(cert, NID_basic_constraints,
		json_is_true(json_object_get(value, "critical")), constraints, cause);
}

static CK_RV add_feature(TLS_FEATURE *features, const json_t *value, struct job_cause *cause)
{
	CLEANUP(asn1_integer) ASN1_INTEGER *number = ASN1_INTEGER_new();
	const char *name;

	TRY(job_json_text(value, "tlsfeature", cause, &name));
	if (strcmp(name, "status_request") != 0)
		return job_cause_refuse(cause, "Invalid tlsfeature: %s", name);
	if (!number || !ASN1_INTEGER_set(number, TLS_FEATURE_STATUS_REQUEST) ||
		!sk_ASN1_INTEGER_push(features, number))
		return job_cause_memory(cause);
	number = NULL;
	return CKR_OK;
}

CK_RV job_basic_tls_feature(X509 *cert, const json_t *value, struct job_cause *cause)
{
	CLEANUP(features) TLS_FEATURE *features = TLS_FEATURE_new();
	const json_t *list;
	const json_t *element;
	size_t i;

	if (!features)
		return job_cause_memory(cause);
	TRY(job_json_list(value, "tlsfeature", cause, &list));
	json_array_foreach(list, i, element) TRY(add_feature(features, element, cause));
	if (sk_ASN1_INTEGER_num(features) == 0)
		return CKR_OK;
	return job_extension_encode(cert, NID_tlsfeature, false, features, cause);
}
