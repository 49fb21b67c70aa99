/* SPDX-License-Identifier: Apache-2.0 */
/* The option customOIDs, nameConstraints among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"

static char *options_for(const char *oid, const char *value)
{
	json_t *entry = json_pack("{s:s, s:s}", "OID", oid, "value", value);
	CLEANUP(json)
	json_t *options = json_pack("{s:{s:[o]}}", "extensions", "customOIDs", entry);
	char *text = json_dumps(options, JSON_COMPACT);

	assert_non_null(text);
	return text;
}

static void assert_value(
	struct job_case *job_case, const char *oid, const char *value, const char *expected)
{
	CLEANUP(free) char *options = options_for(oid, value);
	CLEANUP(x509) X509 *cert = job_case_issue(job_case, options);

	job_case_assert_extension(cert, oid, expected);
}

static void assert_bad(
	struct job_case *job_case, const char *oid, const char *value, const char *cause)
{
	CLEANUP(free) char *options = options_for(oid, value);

	job_case_assert_refused(job_case, options, cause);
}

static void scalars_are_encoded(void **state)
{
	assert_value(*state, "1.2.3", "ASN1:NULL", "0500");
	assert_value(*state, "1.2.3", "critical,ASN1:NULL", "critical 0500");
	assert_value(*state, "1.2.3", "critical, ASN1: INTEGER:-1", "critical 0201ff");
	assert_value(*state, "1.2.3", "ASN1:BOOLEAN:true", "0101ff");
	assert_value(*state, "1.2.3", "ASN1:OID:1.2.3", "06022a03");
	assert_value(*state, "1.2.3", "ASN1:UTF8String:a,b:c ", "0c06612c623a6320");
	assert_value(*state, "1.2.3", "ASN1:UTF8:ü", "0c02c3bc");
	assert_value(*state, "1.2.3", "ASN1:BMPSTRING:ü", "1e0200fc");
	assert_value(*state, "1.2.3", "ASN1:FORMAT:HEX,OCTETSTRING:0102", "04020102");
	assert_value(*state, "1.2.3", "ASN1:GENTIME:20270102030405Z",
		"180f32303237303130323033303430355a");
}

static void der_is_taken_as_it_is(void **state)
{
	assert_value(*state, "1.2.3", "DER:30:03:02:01:05", "3003020105");
	assert_value(*state, "1.2.3", "critical,DER:0500", "critical 0500");
}

static void names_of_extensions_stand_for_their_numbers(void **state)
{
	assert_value(*state, "noCheck", "ignored", "0500");
	assert_value(*state, "inhibitAnyPolicy", "critical,ASN1:INTEGER:0", "critical 020100");
}

static void structures_and_tags_are_refused_by_name(void **state)
{
	assert_bad(*state, "1.2.3", "ASN1:SEQUENCE:sect",
		"Invalid customOIDs 1.2.3: ASN.1 type SEQUENCE is not allowed, scalar types only");
	assert_bad(*state, "1.2.3", "ASN1:SET:sect",
		"Invalid customOIDs 1.2.3: ASN.1 type SET is not allowed, scalar types only");
	assert_bad(*state, "1.2.3", "ASN1:EXPLICIT:0,UTF8:x",
		"Invalid customOIDs 1.2.3: ASN.1 type EXPLICIT is not allowed, scalar types only");
	assert_bad(*state, "1.2.3", "ASN1:SEQWRAP,UTF8:x",
		"Invalid customOIDs 1.2.3: ASN.1 type SEQWRAP is not allowed, scalar types only");
	assert_bad(*state, "1.2.3", "@section",
		"Invalid customOIDs 1.2.3: the value must begin with ASN1: or DER:");
}

static void malformed_values_are_refused(void **state)
{
	assert_bad(*state, "1.2.3", "ASN1:INTEGER:x",
		"Invalid customOIDs 1.2.3: the value is no INTEGER");
	assert_bad(*state, "1.2.3", "ASN1:OBJECT", "Invalid customOIDs 1.2.3: OBJECT needs :value");
	assert_bad(*state, "1.2.3", "ASN1:NULL:x", "Invalid customOIDs 1.2.3: NULL takes no value");
	assert_bad(*state, "1.2.3",
		"ASN1:", "Invalid customOIDs 1.2.3: ASN.1 type  is not allowed, scalar types only");
	assert_bad(*state, "1.2.3", "ASN1:FORMAT:HEX,UTF8:00",
		"Invalid customOIDs 1.2.3: UTF8 does not take this FORMAT");
	assert_bad(*state, "1.2.3", "DER:050",
		"Invalid customOIDs 1.2.3: DER: needs one DER element in hex");
	assert_bad(*state, "1.2.3", "DER:05000500",
		"Invalid customOIDs 1.2.3: DER: needs one DER element in hex");
	assert_bad(*state, "1.2.3",
		"DER:", "Invalid customOIDs 1.2.3: DER: needs one DER element in hex");
	assert_bad(*state, "noSuchExtension", "ASN1:NULL", "Invalid customOIDs: noSuchExtension");
}

static void name_constraints_are_built_from_their_text(void **state)
{
	assert_value(*state, "nameConstraints",
		"critical,permitted;DNS:.a,excluded;IP:10.0.0.0/255.0.0.0",
		"critical 3016a006300482022e61a10c300a87080a000000ff000000");
}

static void bad_name_constraints_are_refused(void **state)
{
	assert_bad(*state, "nameConstraints", "permitted;IP:10.0.0.0",
		"Invalid nameConstraints: IP needs address/mask, of one family");
	assert_bad(*state, "nameConstraints", "permitted;IP:10.0.0.0/::",
		"Invalid nameConstraints: IP needs address/mask, of one family");
	assert_bad(*state, "nameConstraints", "allowed;DNS:a",
		"Invalid nameConstraints: needs permitted;TYPE:x or excluded;TYPE:x");
	assert_bad(*state, "nameConstraints", "permitted;DNS:a,",
		"Invalid nameConstraints: needs permitted;TYPE:x or excluded;TYPE:x");
	assert_bad(*state, "nameConstraints", "permitted;dirName:section",
		"Invalid nameConstraints: names of type dirName are not supported");
	assert_bad(*state, "nameConstraints", "@section",
		"Invalid nameConstraints: needs permitted;TYPE:x or excluded;TYPE:x");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, job_case_setup_ec, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(scalars_are_encoded),
		CASE(der_is_taken_as_it_is),
		CASE(names_of_extensions_stand_for_their_numbers),
		CASE(structures_and_tags_are_refused_by_name),
		CASE(malformed_values_are_refused),
		CASE(name_constraints_are_built_from_their_text),
		CASE(bad_name_constraints_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
