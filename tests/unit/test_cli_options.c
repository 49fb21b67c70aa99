/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bytes.h"
#include "cli_options.h"

static char *words_of(const char *word)
{
	return (char *)(uintptr_t)word;
}

static void options_may_stand_before_and_behind_the_words(void **state)
{
	char *argv[] = { words_of("iothsm"), words_of("--json"), words_of("key"), words_of("list"),
		words_of("-t"), words_of("zeta"), NULL };
	struct cli_options options = { 0 };

	(void)state;
	int first = cli_options_parse(&options, ARRAY_LEN(argv) - 1, argv);

	assert_int_equal(first, 4);
	assert_string_equal(argv[first], "key");
	assert_true(options.json);
	assert_string_equal(options.token, "zeta");
}

static void groups_of_given_options_are_remembered(void **state)
{
	char *argv[] = { words_of("iothsm"), words_of("--id"), words_of("07"),
		words_of("--new-pin-fd=3"), NULL };
	struct cli_options options = { 0 };

	(void)state;
	assert_int_equal(cli_options_parse(&options, ARRAY_LEN(argv) - 1, argv), 4);

	assert_int_equal(options.given, CLI_TAKES_ID | CLI_TAKES_NEW_PIN);
	assert_null(cli_options_unwanted(&options, CLI_TAKES_ID | CLI_TAKES_NEW_PIN));
	assert_string_equal(cli_options_unwanted(&options, CLI_TAKES_NEW_PIN), "id");
}

static void unknown_option_is_an_error(void **state)
{
	char *argv[] = { words_of("iothsm"), words_of("--pin"), words_of("1234"),
		words_of("--colour"), NULL };
	struct cli_options options = { 0 };

	(void)state;
	assert_int_equal(cli_options_parse(&options, ARRAY_LEN(argv) - 1, argv), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_before_and_behind_the_words),
		cmocka_unit_test(groups_of_given_options_are_remembered),
		cmocka_unit_test(unknown_option_is_an_error),
	};

	return cmocka_run_group_tests_name("cli_options", tests, NULL, NULL);
}
