/* SPDX-License-Identifier: Apache-2.0 */
/* The options authorityInfoAccess and crlDistributionPoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"

static void responders_come_before_issuers(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state, "{\"extensions\":{\"authorityInfoAccess\":{"
					    "\"caIssuers\":[\"c\"],\"OCSP\":[\"o\"]}}}");

	job_case_assert_extension(cert, "authorityInfoAccess",
		"301e300d06082b0601050507300186016f300d06082b06010505073002860163");
}

static void each_url_is_a_distribution_point(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(
		*state, "{\"extensions\":{\"crlDistributionPoints\":[\"a\",\"b\"]}}");

	job_case_assert_extension(
		cert, "crlDistributionPoints", "30123007a005a0038601613007a005a003860162");
}

static void bad_values_are_refused(void **state)
{
	job_case_assert_refused(*state, "{\"extensions\":{\"authorityInfoAccess\":{\"x\":[]}}}",
		"Invalid authorityInfoAccess: x");
	job_case_assert_refused(*state, "{\"extensions\":{\"authorityInfoAccess\":[]}}",
		"Invalid authorityInfoAccess: must be an object");
	job_case_assert_refused(*state,
		"{\"extensions\":{\"authorityInfoAccess\":{\"OCSP\":[null]}}}",
		"Invalid authorityInfoAccess: must be a text");
	job_case_assert_refused(*state, "{\"extensions\":{\"crlDistributionPoints\":[\"a\\nb\"]}}",
		"Invalid crlDistributionPoints: URI:a?b");
	job_case_assert_refused(*state, "{\"extensions\":{\"crlDistributionPoints\":\"a\"}}",
		"Invalid crlDistributionPoints: must be a list");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(responders_come_before_issuers),
		CASE(each_url_is_a_distribution_point),
		CASE(bad_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
