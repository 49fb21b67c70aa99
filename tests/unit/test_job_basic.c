/* SPDX-License-Identifier: Apache-2.0 */
/* The options basicConstraints and tlsfeature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"

#define BASIC(value) "{\"extensions\":{\"basicConstraints\":" value "}}"

static void assert_basic(struct job_case *job_case, const char *options, const char *expected)
{
	CLEANUP(x509) X509 *cert = job_case_issue(job_case, options);

	job_case_assert_extension(cert, "basicConstraints", expected);
}

static void members_make_the_value(void **state)
{
	assert_basic(*state, BASIC("{\"critical\":true,\"CA\":true,\"pathlen\":3}"),
		"critical 30060101ff020103");
	assert_basic(*state, BASIC("{\"CA\":true}"), "30030101ff");
	assert_basic(*state, BASIC("{\"critical\":false,\"CA\":false}"), "3000");
}

static void negative_path_length_and_null_mean_none(void **state)
{
	assert_basic(*state, BASIC("{\"CA\":true,\"pathlen\":-1}"), "30030101ff");
	assert_basic(*state, BASIC("{\"CA\":true,\"pathlen\":null}"), "30030101ff");
}

static void wrong_types_are_refused_as_the_reference_does(void **state)
{
	job_case_assert_refused(*state, BASIC("{\"CA\":\"true\"}"),
		"Provided basicConstraints parameter 'CA' is type string, boolean required");
	job_case_assert_refused(*state, BASIC("{\"CA\":true,\"pathlen\":[]}"),
		"Provided basicConstraints parameter 'pathlen' is type object, number required");
	job_case_assert_refused(*state, BASIC("{\"critical\":1,\"CA\":true}"),
		"Provided basicConstraints parameter 'critical' is type number, boolean required");
	job_case_assert_refused(*state, BASIC("{\"CA\":true,\"pathlen\":1.5}"),
		"Invalid basicConstraints pathlen: must be a whole number");
}

static void critical_alone_and_unknown_members_are_refused(void **state)
{
	job_case_assert_refused(*state, BASIC("{\"critical\":true}"),
		"Basic constraints cannot contain only 'critical'");
	job_case_assert_refused(
		*state, BASIC("{\"CA\":true,\"ca\":true}"), "Invalid basicConstraints: ca");
	job_case_assert_refused(
		*state, BASIC("true"), "Invalid basicConstraints: must be an object");
}

static void tls_feature_is_never_critical(void **state)
{
	CLEANUP(x509)
	X509 *cert =
		job_case_issue(*state, "{\"extensions\":{\"tlsfeature\":[\"status_request\"]}}");

	job_case_assert_extension(cert, "tlsfeature", "3003020105");
}

static void unknown_tls_feature_is_refused_by_name(void **state)
{
	job_case_assert_refused(*state, "{\"extensions\":{\"tlsfeature\":[\"status_request_v2\"]}}",
		"Invalid tlsfeature: status_request_v2");
	job_case_assert_refused(*state, "{\"extensions\":{\"tlsfeature\":[null]}}",
		"Invalid tlsfeature: must be a text");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(members_make_the_value),
		CASE(negative_path_length_and_null_mean_none),
		CASE(wrong_types_are_refused_as_the_reference_does),
		CASE(critical_alone_and_unknown_members_are_refused),
		CASE(tls_feature_is_never_critical),
		CASE(unknown_tls_feature_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
