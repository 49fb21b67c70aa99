/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cli_output.h"

static const struct cli_column columns[] = { { "id", "ID" }, { "label", "LABEL" },
	{ "private", "PRIVATE" } };

struct capture {
	char *text;
	size_t len;
	FILE *out;
};

static void capture_start(struct capture *capture)
{
	capture->out = open_memstream(&capture->text, &capture->len);
	assert_non_null(capture->out);
}

static const char *capture_end(struct capture *capture)
{
	(void)fclose(capture->out);
	return capture->text;
}

static json_t *sample_rows(void)
{
	return json_pack("[{s:s,s:s,s:b},{s:s,s:s,s:n}]", "id", "01", "label", "\xC3\xBC",
		"private", 1, "id", "0202", "label", "long label", "private");
}

static void table_is_aligned_by_characters(void **state)
{
	CLEANUP(json) json_t *rows = sample_rows();
	struct capture capture;

	(void)state;
	capture_start(&capture);
	cli_output_rows(capture.out, CLI_OUTPUT_TABLE, columns, ARRAY_LEN(columns), rows);

	assert_string_equal(capture_end(&capture), "ID    LABEL       PRIVATE\n"
						   "01    \xC3\xBC           yes\n"
						   "0202  long label  -\n");
	free(capture.text);
}

static void tabs_separate_fields_without_heading(void **state)
{
	CLEANUP(json) json_t *rows = sample_rows();
	struct capture capture;

	(void)state;
	capture_start(&capture);
	cli_output_rows(capture.out, CLI_OUTPUT_TABS, columns, ARRAY_LEN(columns), rows);

	assert_string_equal(capture_end(&capture), "01\t\xC3\xBC\tyes\n0202\tlong label\t-\n");
	free(capture.text);
}

static void control_characters_never_reach_the_output(void **state)
{
	CLEANUP(json)
	json_t *row = json_pack("{s:s}", "label",
		"a\tb\x1B[2J\nc\xC2\x9B"
		"d");
	struct capture capture;

	(void)state;
	capture_start(&capture);
	cli_output_record(capture.out, CLI_OUTPUT_TABS, columns, ARRAY_LEN(columns), row);

	assert_string_equal(capture_end(&capture), "label\ta?b?[2J?c?d\n");
	free(capture.text);
}

static void json_is_what_was_collected(void **state)
{
	CLEANUP(json) json_t *rows = sample_rows();
	CLEANUP(json) json_t *back = NULL;
	struct capture capture;

	(void)state;
	capture_start(&capture);
	cli_output_rows(capture.out, CLI_OUTPUT_JSON, columns, ARRAY_LEN(columns), rows);
	back = json_loads(capture_end(&capture), 0, NULL);

	assert_true(json_equal(rows, back));
	free(capture.text);
}

static void tree_gives_fields_first_and_tables_behind(void **state)
{
	CLEANUP(json)
	json_t *tree = json_pack("{s:{s:[{s:i,s:s}],s:s}}", "agent", "tokens", "slot", 7, "label",
		"x", "version", "1");
	struct capture capture;

	(void)state;
	capture_start(&capture);
	cli_output_tree(capture.out, CLI_OUTPUT_TABS, tree);

	assert_string_equal(capture_end(&capture), "agent.version\t1\nagent.tokens\t7\tx\n");
	free(capture.text);
}

static void text_that_is_no_utf8_is_made_printable(void **state)
{
	CLEANUP(json)
	json_t *value = cli_output_text(bytes_of("a\xFF"
						 "b",
		3));

	(void)state;
	assert_string_equal(json_string_value(value), "a?b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_aligned_by_characters),
		cmocka_unit_test(tabs_separate_fields_without_heading),
		cmocka_unit_test(control_characters_never_reach_the_output),
		cmocka_unit_test(json_is_what_was_collected),
		cmocka_unit_test(tree_gives_fields_first_and_tables_behind),
		cmocka_unit_test(text_that_is_no_utf8_is_made_printable),
	};

	return cmocka_run_group_tests_name("cli_output", tests, NULL, NULL);
}
