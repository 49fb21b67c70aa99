/* SPDX-License-Identifier: Apache-2.0 */
/* Order and selection of a certificate's extensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "job_parts.h"
#include "support/job_case.h"

static int nid_at(const X509 *cert, int at)
{
	return OBJ_obj2nid(X509_EXTENSION_get_object(X509_get_ext(cert, at)));
}

static void order_is_that_of_the_request_but_names_come_last(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state,
		"{\"extensions\":{\"SANs\":{\"DNS\":[\"a\"]},\"tlsfeature\":[\"status_request\"],"
		"\"keyUsage\":{\"usages\":[\"cRLSign\"]},\"basicConstraints\":{\"CA\":false}}}");

	assert_int_equal(X509_get_ext_count(cert), 6);
	assert_int_equal(nid_at(cert, 0), NID_subject_key_identifier);
	assert_int_equal(nid_at(cert, 1), NID_authority_key_identifier);
	assert_int_equal(nid_at(cert, 2), NID_tlsfeature);
	assert_int_equal(nid_at(cert, 3), NID_key_usage);
	assert_int_equal(nid_at(cert, 4), NID_basic_constraints);
	assert_int_equal(nid_at(cert, 5), NID_subject_alt_name);
}

static void false_and_null_and_empty_lists_add_nothing(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state,
		"{\"extensions\":{\"basicConstraints\":false,\"keyUsage\":null,"
		"\"extendedKeyUsage\":false,\"SANs\":{\"DNS\":[],\"IP\":null},\"tlsfeature\":null,"
		"\"authorityInfoAccess\":{\"OCSP\":false},\"crlDistributionPoints\":[],"
		"\"policies\":null,\"customOIDs\":[]}}");

	assert_int_equal(X509_get_ext_count(cert), 2);
}

static void unknown_extension_is_refused_by_name(void **state)
{
	job_case_assert_refused(*state, "{\"extensions\":{\"nameConstraints\":{}}}",
		"Invalid extension: nameConstraints");
	job_case_assert_refused(
		*state, "{\"extensions\":{\"noCheck\":false}}", "Invalid extension: noCheck");
	job_case_assert_refused(
		*state, "{\"extensions\":7}", "Invalid extensions: must be an object");
}

static void extension_that_is_there_already_is_refused(void **state)
{
	job_case_assert_refused(*state,
		"{\"extensions\":{\"customOIDs\":[{\"OID\":\"2.5.29.14\",\"value\":\"DER:0400\"}]}"
		"}",
		"Invalid extension: X509v3 Subject Key Identifier appears twice");
}

static void name_in_a_cause_is_kept_to_one_line_of_valid_text(void **state)
{
	json_t *extensions = json_object();
	char name[JOB_CAUSE_MAX * 2 + 1] = "a\n\"";
	struct job_case *job_case = *state;
	struct job_result result;

	for (size_t i = 3; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xC3\xBC", 2);
	assert_int_equal(json_object_set_new(extensions, name, json_true()), 0);
	CLEANUP(json) json_t *request = job_case_csr_request("{}");

	json_object_set_new(json_object_get(request, "options"), "extensions", extensions);
	job_run(&job_case->ca, "csr", request, &result);
	CLEANUP(json) json_t *cause = json_string(result.cause);

	assert_false(result.success);
	assert_non_null(cause);
	assert_null(strchr(result.cause, '\n'));
	assert_true(strlen(result.cause) > JOB_CAUSE_MAX - 4);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(order_is_that_of_the_request_but_names_come_last),
		CASE(false_and_null_and_empty_lists_add_nothing),
		CASE(unknown_extension_is_refused_by_name),
		CASE(extension_that_is_there_already_is_refused),
		CASE(name_in_a_cause_is_kept_to_one_line_of_valid_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
