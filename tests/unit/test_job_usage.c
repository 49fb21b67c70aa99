/* SPDX-License-Identifier: Apache-2.0 */
/* The options keyUsage and extendedKeyUsage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"

#define USAGE(key, value) "{\"extensions\":{\"" key "\":" value "}}"

static void every_key_usage_has_its_bit(void **state)
{
	static const struct {
		const char *name;
		const char *expected;
	} cases[] = {
		{ "digitalSignature", "03020780" },
		{ "nonRepudiation", "03020640" },
		{ "keyEncipherment", "03020520" },
		{ "dataEncipherment", "03020410" },
		{ "keyAgreement", "03020308" },
		{ "keyCertSign", "03020204" },
		{ "cRLSign", "03020102" },
		{ "encipherOnly", "03020001" },
		{ "decipherOnly", "0303070080" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char options[128];

		(void)snprintf(options, sizeof(options), USAGE("keyUsage", "{\"usages\":[\"%s\"]}"),
			cases[i].name);
		CLEANUP(x509) X509 *cert = job_case_issue(*state, options);

		job_case_assert_extension(cert, "keyUsage", cases[i].expected);
	}
}

static void critical_is_honoured(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state,
		USAGE("keyUsage", "{\"critical\":true,\"usages\":[\"cRLSign\",\"keyCertSign\"]}"));

	job_case_assert_extension(cert, "keyUsage", "critical 03020106");
}

static void dotted_purposes_are_taken_in_given_order(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(
		*state, USAGE("extendedKeyUsage",
				"{\"critical\":true,\"usages\":[\"1.2.3.4\",\"serverAuth\"]}"));

	job_case_assert_extension(
		cert, "extendedKeyUsage", "critical 300f06032a030406082b06010505070301");
}

static void unknown_names_are_refused(void **state)
{
	job_case_assert_refused(*state, USAGE("keyUsage", "{\"usages\":[\"contentCommitment\"]}"),
		"Invalid keyUsage: contentCommitment");
	job_case_assert_refused(*state,
		USAGE("extendedKeyUsage", "{\"usages\":[\"anyExtendedKeyUsage\"]}"),
		"Invalid extendedKeyUsage: anyExtendedKeyUsage");
	job_case_assert_refused(*state, USAGE("extendedKeyUsage", "{\"usages\":[\"1\"]}"),
		"Invalid extendedKeyUsage: 1");
	job_case_assert_refused(*state, USAGE("extendedKeyUsage", "{\"usages\":[\"9.9.9\"]}"),
		"Invalid extendedKeyUsage: 9.9.9");
}

static void missing_and_empty_lists_are_refused(void **state)
{
	job_case_assert_refused(
		*state, USAGE("keyUsage", "{}"), "Invalid keyUsage: must be a list");
	job_case_assert_refused(
		*state, USAGE("keyUsage", "{\"usages\":[]}"), "Invalid keyUsage: names no usage");
	job_case_assert_refused(*state, USAGE("extendedKeyUsage", "{\"usages\":\"serverAuth\"}"),
		"Invalid extendedKeyUsage: must be a list");
	job_case_assert_refused(*state,
		USAGE("extendedKeyUsage", "{\"critical\":\"no\",\"usages\":[\"serverAuth\"]}"),
		"Invalid extendedKeyUsage: must be true or false");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_key_usage_has_its_bit),
		CASE(critical_is_honoured),
		CASE(dotted_purposes_are_taken_in_given_order),
		CASE(unknown_names_are_refused),
		CASE(missing_and_empty_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
