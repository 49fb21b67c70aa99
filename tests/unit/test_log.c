/* SPDX-License-Identifier: Apache-2.0 */
/* Outside text is printed escaped, shortened and quoted; each line has its priority. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

static void control_characters_and_quotes_are_escaped(void **state)
{
	struct log_quoted quoted;

	(void)state;
	assert_string_equal(log_quote(&quoted, bytes_of("a\n\"\\\x1b\xff", 6)),
		"\"a\\x0a\\x22\\x5c\\x1b\\xff\"");
}

static void long_text_is_shortened_visibly(void **state)
{
	uint8_t text[2 * LOG_QUOTE_MAX];
	struct log_quoted quoted;

	(void)state;
	memset(text, '\n', sizeof(text));
	const char *out = log_quote(&quoted, bytes_of(text, sizeof(text)));

	assert_true(strlen(out) < sizeof(quoted.text));
	assert_string_equal(out + strlen(out) - 3, "\"..");
}

static void line_has_a_priority_and_one_line_end(void **state)
{
	int ends[2];
	char line[64] = { 0 };
	int saved = dup(STDERR_FILENO);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
	log_debug("test: never seen");
	log_warn("test: seen number=%d", 7);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line, "<4>test: seen number=7\n");
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(saved);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_and_quotes_are_escaped),
		cmocka_unit_test(long_text_is_shortened_visibly),
		cmocka_unit_test(line_has_a_priority_and_one_line_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
