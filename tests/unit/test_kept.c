/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "kept.h"
#include "support/directory.h"

static struct directory directory, pins;
static struct kept kept;
static const struct settings nothing;
static char pin_path[] = "/nonexistent";
static char serial[] = "7";
static struct settings_token token = { .serial = serial, .pin_file = pin_path };
static const struct settings named = { .tokens = &token, .token_count = 1 };

static int make(void **state)
{
	(void)state;
	directory_make(&directory);
	(void)snprintf(pins.path, sizeof(pins.path), "%s", directory.path);
	(void)strncat(pins.path, "/pins", sizeof(pins.path) - strlen(pins.path) - 1);
	return kept_load(&kept, directory.path) == CKR_OK ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	kept_reset(&kept);
	directory_remove(&pins);
	directory_remove(&directory);
	return 0;
}

static struct token_name of(const char *serial_number)
{
	return (struct token_name){ "b", serial_number, NULL };
}

static void store(const char *serial_number, CK_USER_TYPE user, const char *text)
{
	const struct token_name name = of(serial_number);
	struct secret pin = { 0 };

	assert_true(secret_set(&pin, bytes_of_text(text)));
	assert_int_equal(kept_store(&kept, &name, user, &pin), CKR_OK);
}

static bool has(const struct settings *settings, const char *serial_number, CK_USER_TYPE user)
{
	const struct token_name name = of(serial_number);

	return kept_has(&kept, settings, &name, user);
}

static bool reads(const struct settings *settings, const char *serial_number, struct secret *pin)
{
	const struct token_name name = of(serial_number);

	return kept_read(&kept, settings, &name, CKU_USER, pin);
}

static CK_RV forget(const char *serial_number, CK_USER_TYPE user)
{
	const struct token_name name = of(serial_number);

	return kept_forget(&kept, &name, user);
}

static bool has_after_restart(const char *serial_number, CK_USER_TYPE user)
{
	kept_reset(&kept);
	assert_int_equal(kept_load(&kept, directory.path), CKR_OK);
	return has(&nothing, serial_number, user);
}

static void kept_pin_outlives_the_agent(void **state)
{
	struct secret pin = { 0 };
	(void)state;
	store("abc", CKU_USER, "1234");

	assert_true(has_after_restart("abc", CKU_USER));

	assert_false(has(&nothing, "abc", CKU_SO));
	assert_true(reads(&nothing, "abc", &pin));
	assert_true(secret_equal(&pin, bytes_of_text("1234")));
}

static void files_are_for_the_agent_alone(void **state)
{
	struct stat status;
	(void)state;

	store("abc", CKU_SO, "1234");

	assert_int_equal(stat(pins.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(stat(directory_file(&pins, "62-616263.so"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void any_serial_is_kept_and_found_again(void **state)
{
	(void)state;

	store("a\"} ${HOME}\\../", CKU_USER, "1");
	store("../../etc/x", CKU_USER, "2");

	assert_true(has_after_restart("a\"} ${HOME}\\../", CKU_USER));
	assert_true(has_after_restart("../../etc/x", CKU_USER));
}

static void forgotten_pin_is_gone_for_good(void **state)
{
	struct stat status;
	(void)state;
	store("abc", CKU_USER, "1234");
	store("abc", CKU_SO, "5678");

	assert_int_equal(forget("abc", CKU_USER), CKR_OK);

	assert_false(has_after_restart("abc", CKU_USER));
	assert_true(has(&nothing, "abc", CKU_SO));
	assert_int_not_equal(stat(directory_file(&pins, "62-616263.user"), &status), 0);
}

/* Another library that claims the serial of a token must not be told its PIN. */
static void kept_pin_is_for_its_backend_alone(void **state)
{
	static const struct token_name same = { "other", "abc", NULL };
	struct secret pin = { 0 };
	(void)state;
	store("abc", CKU_USER, "1234");

	assert_true(has_after_restart("abc", CKU_USER));
	assert_false(kept_has(&kept, &nothing, &same, CKU_USER));
	assert_false(kept_read(&kept, &nothing, &same, CKU_USER, &pin));
}

static void forgetting_what_is_not_kept_is_fine(void **state)
{
	(void)state;

	assert_int_equal(forget("abc", CKU_USER), CKR_OK);
}

static void file_named_by_the_configuration_counts(void **state)
{
	struct secret pin = { 0 };
	(void)state;

	assert_true(has(&named, "7", CKU_USER));
	assert_false(has(&named, "7", CKU_SO));
	assert_false(reads(&named, "7", &pin));
	assert_false(pin.present);
}

static void what_is_kept_at_run_time_comes_first(void **state)
{
	struct secret pin = { 0 };
	(void)state;

	store("7", CKU_USER, "4321");

	assert_true(reads(&named, "7", &pin));
	assert_true(secret_equal(&pin, bytes_of_text("4321")));
}

static void damaged_file_is_refused(void **state)
{
	struct kept other;
	(void)state;
	(void)directory_write(
		&directory, "managed.conf", "kept { backend = b serial = x pins = {everything} }");

	assert_int_not_equal(kept_load(&other, directory.path), CKR_OK);

	kept_reset(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kept_pin_outlives_the_agent, make, drop),
		cmocka_unit_test_setup_teardown(files_are_for_the_agent_alone, make, drop),
		cmocka_unit_test_setup_teardown(any_serial_is_kept_and_found_again, make, drop),
		cmocka_unit_test_setup_teardown(forgotten_pin_is_gone_for_good, make, drop),
		cmocka_unit_test_setup_teardown(kept_pin_is_for_its_backend_alone, make, drop),
		cmocka_unit_test_setup_teardown(forgetting_what_is_not_kept_is_fine, make, drop),
		cmocka_unit_test_setup_teardown(file_named_by_the_configuration_counts, make, drop),
		cmocka_unit_test_setup_teardown(what_is_kept_at_run_time_comes_first, make, drop),
		cmocka_unit_test_setup_teardown(damaged_file_is_refused, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
