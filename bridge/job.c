/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a signing job of the platform, whatever its request holds. */
#include <openssl/err.h>
#include <strings.h>

#include "certificate.h"
#include "job_parts.h"

static const struct {
	const char *signtype;
	job_function *run;
} jobs[] = {
	{ "csr", job_csr },
	{ "crl", job_crl },
	{ "cms", job_cms },
};

static job_function *job_find(const char *signtype)
{
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		if (strcmp(jobs[i].signtype, signtype) == 0)
			return jobs[i].run;
	}
	return NULL;
}

static bool text_fits(const json_t *object, const char *key, const char *expected)
{
	const json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return true;
	return json_is_string(value) && strcasecmp(json_string_value(value), expected) == 0;
}

/* A request may name the CA it is meant for. */
static CK_RV check_ca(const struct job_ca *ca, const json_t *request, struct job_cause *cause)
{
	const json_t *named = json_object_get(request, "ca");
	char serial[64];
	char thumbprint[41];

	if (job_json_is_falsy(named))
		return CKR_OK;
	TRY(job_json_object(named, "ca", cause));
	if (!certificate_serial_hex(ca->cert, serial) ||
		!certificate_thumbprint(ca->cert, thumbprint))
		return job_cause_memory(cause);
	if (text_fits(named, "serial", serial) && text_fits(named, "thumbprint", thumbprint))
		return CKR_OK;
	return job_cause_refuse(cause, "The request names another CA than the one it was sent to");
}

static CK_RV run(struct job_ca *ca, const char *signtype, const json_t *request,
	struct job_cause *cause, char **text)
{
	job_function *function = job_find(signtype);

	if (!function)
		return job_cause_refuse(cause, "Unknown signtype: %s", signtype);
	TRY(job_json_object(request, "request", cause));
	TRY(check_ca(ca, request, cause));
	return function(ca, request, cause, text);
}

void job_run(
	struct job_ca *ca, const char *signtype, const json_t *request, struct job_result *result)
{
	struct job_cause cause = { 0 };
	char *text = NULL;

	ERR_clear_error();
	*result = (struct job_result){ 0 };
	if (run(ca, signtype, request, &cause, &text) == CKR_OK) {
		result->success = true;
		result->text = text;
	} else {
		memcpy(result->cause, cause.text, sizeof(result->cause));
	}
	/* What a hostile request left there must not show up in the next job's cause. */
	ERR_clear_error();
}
