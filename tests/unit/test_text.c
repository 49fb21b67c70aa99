/* SPDX-License-Identifier: Apache-2.0 */
/* Hex, base64 and blank-padded fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text.h"

static void hex_of_bytes_is_lower_case(void **state)
{
	static const uint8_t data[] = { 0x00, 0xa1, 0xff };
	char out[7];

	(void)state;
	text_hex(out, bytes_of(data, sizeof(data)));
	assert_string_equal(out, "00a1ff");
}

static void hex_in_either_case_is_read(void **state)
{
	uint8_t out[3];
	size_t len = 0;

	(void)state;
	assert_true(text_from_hex("00A1ff", out, sizeof(out), &len));
	assert_int_equal(len, 3);
	assert_memory_equal(out, "\x00\xa1\xff", 3);
}

static void odd_long_or_foreign_hex_is_refused(void **state)
{
	static const char *const wrong[] = { "0", "0g", "001122334455", " 0", "0x" };
	uint8_t out[3];
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(text_from_hex(wrong[i], out, sizeof(out), &len));
	assert_int_equal(len, 77);
}

static void base64_round_trip_keeps_every_length(void **state)
{
	static const uint8_t data[] = "any carnal pleas";

	(void)state;
	for (size_t len = 0; len < sizeof(data); len++) {
		size_t out_len = 99;
		char *text = text_base64(bytes_of(data, len));
		uint8_t *out = text_from_base64(text, strlen(text), &out_len);

		assert_non_null(out);
		assert_int_equal(out_len, len);
		assert_memory_equal(out, data, len);
		free(out);
		free(text);
	}
}

static void white_space_in_base64_is_skipped(void **state)
{
	size_t len = 0;
	uint8_t *out = text_from_base64("YW\r\nJj \tZA==\n", 13, &len);

	(void)state;
	assert_non_null(out);
	assert_int_equal(len, 4);
	assert_memory_equal(out, "abcd", 4);
	free(out);
}

static void malformed_base64_is_refused(void **state)
{
	static const char *const wrong[] = { "YWJ", "YW=j", "Y===", "====", "YW!j", "YWJjZA=" };
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_null(text_from_base64(wrong[i], strlen(wrong[i]), &len));
}

static void padded_field_has_blanks_and_no_nul(void **state)
{
	uint8_t field[8];

	(void)state;
	text_pad(field, sizeof(field), "abc");
	assert_memory_equal(field, "abc     ", 8);
}

static void long_text_is_cut_between_characters(void **state)
{
	uint8_t field[4];

	(void)state;
	text_pad(field, sizeof(field), "abc\xc3\xbc");
	assert_memory_equal(field, "abc ", 4);
}

static void unpadded_field_ends_at_its_last_character(void **state)
{
	char out[9];

	(void)state;
	text_unpad(out, (const uint8_t *)"a b  \0  ", 8);
	assert_string_equal(out, "a b");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_of_bytes_is_lower_case),
		cmocka_unit_test(hex_in_either_case_is_read),
		cmocka_unit_test(odd_long_or_foreign_hex_is_refused),
		cmocka_unit_test(base64_round_trip_keeps_every_length),
		cmocka_unit_test(white_space_in_base64_is_skipped),
		cmocka_unit_test(malformed_base64_is_refused),
		cmocka_unit_test(padded_field_has_blanks_and_no_nul),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(unpadded_field_ends_at_its_last_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
