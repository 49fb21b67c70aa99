/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs whatever the platform sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"
#include "support/vectors.h"

static void unknown_signtypes_are_refused(void **state)
{
	job_case_assert_fails(*state, "ocsp", "{}", "Unknown signtype: ocsp");
	job_case_assert_fails(*state, "", "{}", "Unknown signtype: ");
}

static void request_that_is_no_object_is_refused(void **state)
{
	job_case_assert_fails(*state, "csr", "null", "Invalid request: must be an object");
	job_case_assert_fails(*state, "cms", "[1]", "Invalid request: must be an object");
}

static void absent_request_is_refused(void **state)
{
	struct job_case *job_case = *state;
	struct job_result result;

	job_run(&job_case->ca, "crl", NULL, &result);
	assert_false(result.success);
	assert_null(result.text);
	assert_string_equal(result.cause, "Invalid request: must be an object");
}

static void request_for_another_ca_is_refused(void **state)
{
	job_case_assert_fails(*state, "crl",
		"{\"database\":\"\",\"days\":1,\"ca\":{\"serial\":\"01\",\"thumbprint\":\"02\"}}",
		"The request names another CA than the one it was sent to");
	job_case_assert_fails(*state, "crl", "{\"database\":\"\",\"days\":1,\"ca\":7}",
		"Invalid ca: must be an object");
}

static void request_that_names_this_ca_is_served(void **state)
{
	CLEANUP(free)
	char *text = job_case_run(*state, "crl",
		"{\"database\":\"\",\"days\":1,\"ca\":{\"serial\":"
		"\"01C2D3E4F5A6B7C8D9E0F1A2B3C4D5E6F7A8B9CA\","
		"\"thumbprint\":\"5eccc31a3fd59522f69e0999a54010353f553bb6\"}}");

	assert_non_null(text);
}

static const char *const hostile[] = { "null", "true", "false", "0", "-1", "1e308", "\"\"",
	"\"@x\"", "\"x\\ny\"", "[]", "[null]", "[[[]]]", "{}", "{\"x\":null}" };

/* Runs the job; success and failure are both fine, but never without a text or a cause. */
static void run_any(struct job_case *job_case, const char *signtype, const json_t *request)
{
	struct job_result result;

	job_run(&job_case->ca, signtype, request, &result);
	assert_int_equal(result.success, result.text != NULL);
	assert_int_equal(result.success, result.cause[0] == '\0');
	free(result.text);
}

static void replace_everywhere(
	struct job_case *job_case, const char *signtype, const json_t *request, json_t *node);

static void replace_member(struct job_case *job_case, const char *signtype, const json_t *request,
	json_t *object, const char *key)
{
	json_t *original = json_incref(json_object_get(object, key));

	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		json_object_set_new(object, key, job_case_json(hostile[i]));
		run_any(job_case, signtype, request);
	}
	json_object_set(object, key, original);
	replace_everywhere(job_case, signtype, request, original);
	json_decref(original);
}

static void replace_element(struct job_case *job_case, const char *signtype, const json_t *request,
	json_t *array, size_t at)
{
	json_t *original = json_incref(json_array_get(array, at));

	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		json_array_set_new(array, at, job_case_json(hostile[i]));
		run_any(job_case, signtype, request);
	}
	json_array_set(array, at, original);
	replace_everywhere(job_case, signtype, request, original);
	json_decref(original);
}

static void replace_everywhere(
	struct job_case *job_case, const char *signtype, const json_t *request, json_t *node)
{
	for (void *iter = json_object_iter(node); iter; iter = json_object_iter_next(node, iter))
		replace_member(job_case, signtype, request, node, json_object_iter_key(iter));
	for (size_t i = 0; i < json_array_size(node) && i < 2; i++)
		replace_element(job_case, signtype, request, node, i);
}

static void hostile_values_anywhere_in_a_csr_request_do_no_harm(void **state)
{
	size_t len = 0;
	CLEANUP(free) char *options = vector_text("ext", "all.options.json", &len);
	CLEANUP(json) json_t *request = job_case_csr_request(options);

	replace_everywhere(*state, "csr", request, request);
	/* The replacements were all undone. */
	CLEANUP(json) json_t *expected = job_case_csr_request(options);

	assert_true(json_equal(request, expected));
}

static void hostile_values_anywhere_in_other_requests_do_no_harm(void **state)
{
	for (int i = 0; i < 2; i++) {
		CLEANUP(json)
		json_t *plain = vector_json("run_ec",
			i == 0 ? "22_crl_request_plain.json" : "42_cms_request_plain.json");
		json_t *request = json_object_get(plain, "request");

		replace_everywhere(*state, i == 0 ? "crl" : "cms", request, request);
	}
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(unknown_signtypes_are_refused),
		CASE(request_that_is_no_object_is_refused),
		CASE(absent_request_is_refused),
		CASE(request_for_another_ca_is_refused),
		CASE(request_that_names_this_ca_is_served),
		CASE(hostile_values_anywhere_in_a_csr_request_do_no_harm),
		CASE(hostile_values_anywhere_in_other_requests_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
