/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "bytes.h"
#include "cli_error.h"

static void every_value_of_ours_has_name_hint_and_status(void **state)
{
	(void)state;
	for (CK_RV rv = CKR_IOTHSM_TEMPLATE_INVALID; rv <= CKR_IOTHSM_STORE_FULL; rv++) {
		assert_non_null(cli_error_name(rv));
		assert_memory_equal(cli_error_name(rv), "CKR_IOTHSM_", 11);
		assert_int_not_equal(cli_error_exit(rv), CLI_OK);
	}
}

static void unknown_value_is_a_plain_failure(void **state)
{
	(void)state;
	assert_null(cli_error_name(0xC94F7777UL));
	assert_int_equal(cli_error_exit(0xC94F7777UL), CLI_FAILURE);
	assert_non_null(cli_error_hint(0xC94F7777UL));
}

static void exit_statuses_are_as_documented(void **state)
{
	static const struct {
		CK_RV rv;
		enum cli_exit status;
	} expected[] = {
		{ CKR_OK, CLI_OK },
		{ CKR_GENERAL_ERROR, CLI_FAILURE },
		{ CKR_TOKEN_NOT_PRESENT, CLI_ABSENT },
		{ CKR_PIN_INCORRECT, CLI_PIN },
		{ CKR_PIN_LOCKED, CLI_PIN },
		{ CKR_IOTHSM_NO_KEY, CLI_NOT_FOUND },
		{ CKR_IOTHSM_KEY_MISMATCH, CLI_REFUSED },
		{ CKR_FUNCTION_REJECTED, CLI_REFUSED },
		{ CKR_IOTHSM_TEMPLATE_EXPIRED, CLI_INPUT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_int_equal(cli_error_exit(expected[i].rv), expected[i].status);
}

/* What fn writes to stderr, in a static buffer. */
static const char *stderr_of(void (*fn)(struct cli *cli), struct cli *cli)
{
	static char text[1024];
	FILE *capture = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(capture);
	(void)dup2(fileno(capture), STDERR_FILENO);
	fn(cli);
	(void)fflush(stderr);
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	rewind(capture);
	len = fread(text, 1, sizeof(text) - 1, capture);
	text[len] = '\0';
	(void)fclose(capture);
	return text;
}

static void say_wrong_pin(struct cli *cli)
{
	assert_int_equal(cli_error(cli, CKR_PIN_INCORRECT, "logging in"), CKR_PIN_INCORRECT);
}

static void message_says_what_where_and_what_next(void **state)
{
	struct cli cli = {
		.command = "key prepare", .serial = "1a2b", .token_flags = CKF_USER_PIN_FINAL_TRY
	};

	(void)state;
	const char *text = stderr_of(say_wrong_pin, &cli);

	assert_string_equal(text,
		"iothsm: key prepare: token 1a2b: logging in: CKR_PIN_INCORRECT: the PIN is wrong "
		"(one more wrong PIN locks the token)\n");
	assert_int_equal(cli.status, CLI_PIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_of_ours_has_name_hint_and_status),
		cmocka_unit_test(unknown_value_is_a_plain_failure),
		cmocka_unit_test(exit_statuses_are_as_documented),
		cmocka_unit_test(message_says_what_where_and_what_next),
	};

	return cmocka_run_group_tests_name("cli_error", tests, NULL, NULL);
}
