/* SPDX-License-Identifier: Apache-2.0 */
/* General names and the option SANs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"

#define SANS(value) "{\"extensions\":{\"SANs\":" value "}}"

static void assert_names(struct job_case *job_case, const char *options, const char *expected)
{
	CLEANUP(x509) X509 *cert = job_case_issue(job_case, options);

	job_case_assert_extension(cert, "subjectAltName", expected);
}

static void types_keep_the_order_of_the_request(void **state)
{
	assert_names(*state, SANS("{\"IP\":[\"1.2.3.4\"],\"DNS\":[\"b\",\"a\"]}"),
		"300c87040102030482016282"
		"0161");
}

static void syntax_of_a_configuration_is_an_ordinary_value(void **state)
{
	assert_names(*state, SANS("{\"email\":[\"copy\"],\"DNS\":[\"@x,y\"]}"),
		"300c8104636f707982044078"
		"2c79");
}

static void other_name_takes_scalars_of_any_type(void **state)
{
	assert_names(*state, SANS("{\"otherName\":[\"1.2.3;INTEGER:5\"]}"),
		"300ba00906022a03a003020105");
	assert_names(*state, SANS("{\"otherName\":[\"1.2.3;UTF8:\u00fc\"]}"),
		"300ca00a06022a03a0040c02c3bc");
}

static void structures_in_other_names_are_refused(void **state)
{
	job_case_assert_refused(*state, SANS("{\"otherName\":[\"1.2.3;SEQUENCE:x\"]}"),
		"Invalid SANs: ASN.1 type SEQUENCE is not allowed, scalar types only");
	job_case_assert_refused(
		*state, SANS("{\"otherName\":[\"1.2.3\"]}"), "Invalid SANs: otherName:1.2.3");
	job_case_assert_refused(*state, SANS("{\"otherName\":[\"serverAuth;UTF8:x\"]}"),
		"Invalid SANs: otherName:serverAuth;UTF8:x");
}

static void unknown_type_is_refused_by_name(void **state)
{
	job_case_assert_refused(*state, SANS("{\"dns\":[\"a\"]}"), "Invalid SANs type : \"dns\"");
	job_case_assert_refused(*state, SANS("{\"dirName\":[\"a\"]}"),
		"Invalid SANs: names of type dirName are not supported");
}

static void malformed_values_are_refused(void **state)
{
	job_case_assert_refused(
		*state, SANS("{\"IP\":[\"1.2.3.4x\"]}"), "Invalid SANs: IP:1.2.3.4x");
	job_case_assert_refused(*state, SANS("{\"IP\":[\"::g\"]}"), "Invalid SANs: IP:::g");
	job_case_assert_refused(*state, SANS("{\"DNS\":[\"\"]}"), "Invalid SANs: DNS:");
	job_case_assert_refused(*state, SANS("{\"DNS\":[\"a b\"]}"), "Invalid SANs: DNS:a b");
	job_case_assert_refused(*state, SANS("{\"DNS\":[\"a\\nb\"]}"), "Invalid SANs: DNS:a?b");
	job_case_assert_refused(*state, SANS("{\"DNS\":[\"ü\"]}"), "Invalid SANs: DNS:ü");
	job_case_assert_refused(*state, SANS("{\"RID\":[\"x\"]}"), "Invalid SANs: RID:x");
	job_case_assert_refused(*state, SANS("{\"DNS\":\"a\"}"), "Invalid SANs: must be a list");
	job_case_assert_refused(*state, SANS("{\"DNS\":[7]}"), "Invalid SANs: must be a text");
	job_case_assert_refused(*state, SANS("[]"), "Invalid SANs: must be an object");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(types_keep_the_order_of_the_request),
		CASE(syntax_of_a_configuration_is_an_ordinary_value),
		CASE(other_name_takes_scalars_of_any_type),
		CASE(structures_in_other_names_are_refused),
		CASE(unknown_type_is_refused_by_name),
		CASE(malformed_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
