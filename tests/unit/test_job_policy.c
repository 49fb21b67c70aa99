/* SPDX-License-Identifier: Apache-2.0 */
/* The option policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"

#define POLICIES(value) "{\"extensions\":{\"policies\":" value "}}"

static void assert_policies(struct job_case *job_case, const char *options, const char *expected)
{
	CLEANUP(x509) X509 *cert = job_case_issue(job_case, options);

	job_case_assert_extension(cert, "certificatePolicies", expected);
}

static void notices_of_several_policies_do_not_collide(void **state)
{
	assert_policies(*state,
		POLICIES("[{\"policyIdentifier\":\"1.2.3\",\"userNotice\":[{\"explicitText\":\"a\"}"
			 "]},"
			 "{\"policyIdentifier\":\"1.2.4\",\"userNotice\":[{\"explicitText\":\"b\"}]"
			 "}]"),
		"3032301706022a033011300f06082b0601050507020230031a0161"
		"301706022a043011300f06082b0601050507020230031a0162");
}

static void text_that_is_not_ascii_becomes_utf8(void **state)
{
	assert_policies(*state,
		POLICIES("[{\"policyIdentifier\":\"1.2.3\",\"userNotice\":[{\"explicitText\":\"ü\"}"
			 "]}]"),
		"301a301806022a033012301006082b0601050507020230040c02c3bc");
}

static void statement_may_be_one_text(void **state)
{
	assert_policies(*state, POLICIES("[{\"policyIdentifier\":\"1.2.3\",\"CPS\":\"u\"}]"),
		"3017301506022a03300f300d06082b06010505070201160175");
}

static void incomplete_references_are_refused(void **state)
{
	job_case_assert_refused(*state,
		POLICIES("[{\"policyIdentifier\":\"1.2.3\",\"userNotice\":[{\"organization\":\"x\"}"
			 "]}]"),
		"Invalid policies: userNotice needs organization and noticeNumbers");
	job_case_assert_refused(*state,
		POLICIES("[{\"policyIdentifier\":\"1.2.3\",\"userNotice\":[{\"organization\":\"ü\","
			 "\"noticeNumbers\":[1]}]}]"),
		"Invalid policies organization: empty or not plain ASCII");
	job_case_assert_refused(*state,
		POLICIES("[{\"policyIdentifier\":\"1.2.3\",\"userNotice\":[{\"organization\":\"x\","
			 "\"noticeNumbers\":[\"1\"]}]}]"),
		"Invalid policies noticeNumbers: must be a whole number");
}

static void bad_identifiers_are_refused(void **state)
{
	job_case_assert_refused(*state, POLICIES("[{\"policyIdentifier\":\"@polsect0\"}]"),
		"Invalid policies: @polsect0");
	job_case_assert_refused(
		*state, POLICIES("[{}]"), "Invalid policies policyIdentifier: must be a text");
	job_case_assert_refused(*state, POLICIES("[null]"), "Invalid policies: must be an object");
	job_case_assert_refused(*state,
		POLICIES("[{\"policyIdentifier\":\"1.2.3\"},{\"policyIdentifier\":\"1.2.3\"}]"),
		"Invalid policies: 1.2.3 appears twice");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(notices_of_several_policies_do_not_collide),
		CASE(text_that_is_not_ascii_becomes_utf8),
		CASE(statement_may_be_one_text),
		CASE(incomplete_references_are_refused),
		CASE(bad_identifiers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
