/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_object.h"

static void id_is_hex_of_two_digits_a_byte(void **state)
{
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t len;

	(void)state;
	assert_true(cli_object_parse_id("07aF", id, &len));

	assert_int_equal(len, 2);
	assert_memory_equal(id, "\x07\xAF", 2);
}

static void colons_between_bytes_are_allowed(void **state)
{
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t len;

	(void)state;
	assert_true(cli_object_parse_id("07:af:00", id, &len));
	assert_int_equal(len, 3);
	assert_false(cli_object_parse_id("0:7af", id, &len));
}

static void other_ids_are_refused(void **state)
{
	char long_id[2 * CLI_OBJECT_ID_MAX + 3] = "";
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t len;

	(void)state;
	memset(long_id, '0', sizeof(long_id) - 1);
	assert_false(cli_object_parse_id("", id, &len));
	assert_false(cli_object_parse_id("7", id, &len));
	assert_false(cli_object_parse_id("0x07", id, &len));
	assert_false(cli_object_parse_id(long_id, id, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_is_hex_of_two_digits_a_byte),
		cmocka_unit_test(colons_between_bytes_are_allowed),
		cmocka_unit_test(other_ids_are_refused),
	};

	return cmocka_run_group_tests_name("cli_object", tests, NULL, NULL);
}
