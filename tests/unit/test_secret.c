/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: bounds, comparison, files, wiping. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file.h"
#include "secret.h"
#include "support/directory.h"

static void secret_equals_only_its_value(void **state)
{
	struct secret secret = { 0 };

	(void)state;
	assert_true(secret_set(&secret, bytes_of_text("1234")));
	assert_true(secret_equal(&secret, bytes_of_text("1234")));
	assert_false(secret_equal(&secret, bytes_of_text("1235")));
	assert_false(secret_equal(&secret, bytes_of_text("12345")));
	secret_wipe(&secret);
	assert_false(secret_equal(&secret, bytes_of_text("1234")));
}

static void absent_secret_differs_from_an_empty_one(void **state)
{
	struct secret secret = { 0 };

	(void)state;
	assert_false(secret_equal(&secret, bytes_of("", 0)));
	assert_true(secret_set(&secret, bytes_of("", 0)));
	assert_true(secret_equal(&secret, bytes_of("", 0)));
}

static void too_long_secret_is_refused_and_the_old_one_wiped(void **state)
{
	static const uint8_t large[SECRET_MAX + 1];
	struct secret secret = { 0 };

	(void)state;
	assert_true(secret_set(&secret, bytes_of_text("1234")));
	assert_false(secret_set(&secret, bytes_of(large, sizeof(large))));
	assert_false(secret.present);
	assert_int_equal(secret.data[0], 0);
}

static void first_line_of_a_file_is_the_secret(void **state)
{
	static const char *const texts[] = { "1234", "1234\n", "1234\r\n", "1234\nmore\n" };
	const char *path = directory_file(*state, "pin");

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct secret secret = { 0 };

		assert_true(file_replace(path, bytes_of_text(texts[i]), 0600));
		assert_true(secret_read_file(&secret, path));
		assert_true(secret_equal(&secret, bytes_of_text("1234")));
	}
}

static void endless_file_is_refused(void **state)
{
	struct secret secret = { 0 };

	(void)state;
	assert_false(secret_read_file(&secret, "/dev/zero"));
	assert_int_equal(errno, EFBIG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_equals_only_its_value),
		cmocka_unit_test(absent_secret_differs_from_an_empty_one),
		cmocka_unit_test(too_long_secret_is_refused_and_the_old_one_wiped),
		cmocka_unit_test_setup_teardown(
			first_line_of_a_file_is_the_secret, directory_setup, directory_teardown),
		cmocka_unit_test(endless_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
