/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "token_match.h"

static const struct token_name office = { "softhsm", "0123456789abcdef", "main office" };
static const struct token_name unlisted = { "softhsm", "0123456789abcdef", NULL };
static const struct token_name uninitialised = { "softhsm", "", "" };

static enum token_match_result judge(const char *text, const struct token_name *token)
{
	struct token_match match;

	assert_true(token_match_parse(text, &match));
	return token_match_judge(&match, token);
}

static void serial_number_means_one_token(void **state)
{
	(void)state;

	assert_int_equal(judge("0123456789abcdef", &office), TOKEN_MATCH_YES);
	assert_int_equal(judge("0123456789abcde", &office), TOKEN_MATCH_NO);
	assert_int_equal(judge("0123456789abcdef", &uninitialised), TOKEN_MATCH_NO);
}

static void star_means_every_token(void **state)
{
	(void)state;

	assert_int_equal(judge("*", &office), TOKEN_MATCH_YES);
	assert_int_equal(judge("*", &uninitialised), TOKEN_MATCH_YES);
}

static void uri_means_what_all_of_its_parts_mean(void **state)
{
	(void)state;

	assert_int_equal(judge("pkcs11:token=main%20office", &office), TOKEN_MATCH_YES);
	assert_int_equal(judge("pkcs11:token=main", &office), TOKEN_MATCH_NO);
	assert_int_equal(judge("pkcs11:token=main%20office;serial=0123456789abcdef", &office),
		TOKEN_MATCH_YES);
	assert_int_equal(judge("pkcs11:serial=1;token=main%20office", &office), TOKEN_MATCH_NO);
}

static void unknown_label_decides_nothing(void **state)
{
	(void)state;

	assert_int_equal(judge("pkcs11:token=main%20office", &unlisted), TOKEN_MATCH_PERHAPS);
	assert_int_equal(judge("pkcs11:token=x;serial=7", &unlisted), TOKEN_MATCH_NO);
	assert_int_equal(judge("0123456789abcdef", &unlisted), TOKEN_MATCH_YES);
}

static void what_means_no_token_is_refused(void **state)
{
	static const char *const wrong[] = { "", "0123456789abcdef0",
		"pkcs11:", "pkcs11:token=", "pkcs11:serial=0123456789abcdef0", "pkcs11:token=a;",
		"pkcs11:token=a;token=b", "pkcs11:object=a", "pkcs11:token=%", "pkcs11:token=%4",
		"pkcs11:token=%zz", "pkcs11:token=a%00",
		"pkcs11:token=123456789012345678901234567890123" };
	struct token_match match;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (token_match_parse(wrong[i], &match))
			fail_msg("'%s' was taken", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serial_number_means_one_token),
		cmocka_unit_test(star_means_every_token),
		cmocka_unit_test(uri_means_what_all_of_its_parts_mean),
		cmocka_unit_test(unknown_label_decides_nothing),
		cmocka_unit_test(what_means_no_token_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
