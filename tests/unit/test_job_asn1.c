/* SPDX-License-Identifier: Apache-2.0 */
/* Object identifiers as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job_parts.h"

static void only_dotted_numbers_are_identifiers(void **state)
{
	static const char *const bad[] = { "", "1", "a", "1.2.x", "serverAuth", "1..2", "1.2.",
		".1.2", "1.2 ", "3.1.1", "1.40" };
	ASN1_OBJECT *good = job_asn1_oid("1.3.6.1.4.1.311.20.2.1");

	(void)state;
	assert_non_null(good);
	ASN1_OBJECT_free(good);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(job_asn1_oid(bad[i]));
}

static void overlong_identifier_is_refused(void **state)
{
	char text[JOB_OID_MAX + 2] = "1.2.";

	(void)state;
	memset(text + 4, '1', sizeof(text) - 5);
	assert_null(job_asn1_oid(text));
}

static void value_of_a_number_is_bounded(void **state)
{
	char text[8192] = "INTEGER:";
	struct job_cause cause = { 0 };
	ASN1_TYPE *value = NULL;

	(void)state;
	memset(text + 8, '1', sizeof(text) - 9);
	assert_int_equal(job_asn1_scalar(text, "x", &cause, &value), CKR_ARGUMENTS_BAD);
	assert_string_equal(cause.text, "Invalid x: the value is too long");
}

static void type_name_in_a_cause_is_cut_between_characters(void **state)
{
	char text[128] = "x";
	struct job_cause cause = { 0 };
	ASN1_TYPE *value = NULL;

	(void)state;
	for (size_t i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xBC", 2);
	assert_int_equal(job_asn1_scalar(text, "x", &cause, &value), CKR_ARGUMENTS_BAD);
	json_t *valid = json_string(cause.text);

	assert_non_null(valid);
	json_decref(valid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_dotted_numbers_are_identifiers),
		cmocka_unit_test(overlong_identifier_is_refused),
		cmocka_unit_test(value_of_a_number_is_bounded),
		cmocka_unit_test(type_name_in_a_cause_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
