/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder as people and programs read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cli_ladder.h"

static json_t *sample(void)
{
	return json_pack("[{s:s s:s s:s s:b s:s s:s s:s s:[{s:s s:b s:i} {s:s s:b s:n}]}]",
		"subject", "CN=a\x1b[2J", "label", "office", "thumbprint", "00ff", "connected", 0,
		"missing", "pin", "reason", "wrong PIN", "action", "keep it", "ladder", "rung",
		"token", "ok", 1, "time", 990, "rung", "pin", "ok", 0, "time");
}

static void expect(enum cli_output_form form, const json_t *cas, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	cli_ladder_print(out, form, cas, 1000);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void person_reads_what_is_missing_and_what_to_do(void **unused)
{
	CLEANUP(json) json_t *cas = sample();

	(void)unused;
	assert_non_null(cas);
	expect(CLI_OUTPUT_TABLE, cas,
		"\nCA         CN=a?[2J\ntoken      office\nconnected  no\n"
		"missing  pin\nwhy      wrong PIN\ndo       keep it\n"
		"RUNG   OK   LAST\ntoken  yes  10 s ago\npin    no   -\n");
}

static void program_reads_a_line_for_each_rung(void **unused)
{
	CLEANUP(json) json_t *cas = sample();

	(void)unused;
	assert_non_null(cas);
	expect(CLI_OUTPUT_TABS, cas,
		"ladder\t00ff\ttoken\tyes\t990\t-\t-\n"
		"ladder\t00ff\tpin\tno\t-\twrong PIN\tkeep it\n");
}

static void what_is_no_ladder_prints_nothing(void **unused)
{
	CLEANUP(json) json_t *cas = json_pack("[{s:s} i n]", "subject", "CN=a", 7);

	(void)unused;
	expect(CLI_OUTPUT_TABLE, cas, "");
	expect(CLI_OUTPUT_TABS, NULL, "");
}

static void age_has_a_fitting_unit(void **unused)
{
	static const struct {
		int64_t time;
		const char *text;
	} ages[] = {
		{ 1000000, "0 s ago" },
		{ 1000005, "0 s ago" },
		{ 999881, "119 s ago" },
		{ 999880, "2 min ago" },
		{ 992800, "2 h ago" },
		{ 827200, "2 d ago" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		CLEANUP(json) json_t *time = json_integer(ages[i].time);
		CLEANUP(json) json_t *age = cli_ladder_age(time, 1000000);

		assert_string_equal(json_string_value(age), ages[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(person_reads_what_is_missing_and_what_to_do),
		cmocka_unit_test(program_reads_a_line_for_each_rung),
		cmocka_unit_test(what_is_no_ladder_prints_nothing),
		cmocka_unit_test(age_has_a_fitting_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
