/* SPDX-License-Identifier: Apache-2.0 */
/* Dates in options and revocation databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job_parts.h"

static void iso_dates_are_read_in_utc(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{ "1970-01-01", 0 },
		{ "2027-01-02T03:04:05.000Z", 1798859045 },
		{ "2027-01-02T03:04:05", 1798859045 },
		{ "2027-01-02T03:04:05+02:00", 1798851845 },
		{ "2027-01-02T03:04:05-00:30", 1798860845 },
		{ "2027-01-02 03:04", 1798859040 },
		{ "2028-02-29T00:00:00Z", 1835395200 },
	};
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(job_date_parse(cases[i].text, &seconds));
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void malformed_dates_are_refused(void **state)
{
	static const char *const bad[] = { "", "2027", "2027-1-2", "2027-02-29", "2027-13-01",
		"2027-00-01", "2027-01-00", "2027-01-02T", "2027-01-02T24:00:00Z",
		"2027-01-02T03:60Z", "2027-01-02T03:04:60Z", "2027-01-02T03:04:05Zx",
		"2027-01-02T03:04:05+2", "1969-12-31", "1970-01-01T00:00:00+01:00",
		"9999-12-31T23:59:59-00:01", "Sat, 02 Jan 2027 03:04:05 GMT" };
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(job_date_parse(bad[i], &seconds));
}

static void database_dates_are_kept_as_certificates_write_them(void **state)
{
	ASN1_TIME *utc = job_date_from_database(bytes_of_text("260102030405Z"));
	ASN1_TIME *late = job_date_from_database(bytes_of_text("20270102030405Z"));

	(void)state;
	assert_int_equal(ASN1_STRING_type(utc), V_ASN1_UTCTIME);
	assert_int_equal(ASN1_STRING_type(late), V_ASN1_UTCTIME);
	assert_null(job_date_from_database(bytes_of_text("2601020304Z")));
	assert_null(job_date_from_database(bytes_of_text("261302030405Z")));
	assert_null(job_date_from_database(bytes_of_text("260102030405+0000")));
	assert_null(job_date_from_database(bytes_of(NULL, 0)));
	ASN1_TIME_free(utc);
	ASN1_TIME_free(late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iso_dates_are_read_in_utc),
		cmocka_unit_test(malformed_dates_are_refused),
		cmocka_unit_test(database_dates_are_kept_as_certificates_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
