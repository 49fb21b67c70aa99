/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "cleanup.h"
#include "cli_pin.h"

static CK_RV read_from_fd(const char *content, size_t len, struct secret *pin, struct cli *cli)
{
	char number[16];
	int ends[2];
	CK_RV rv;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], content, len), len);
	(void)close(ends[1]);
	(void)snprintf(number, sizeof(number), "%d", ends[0]);
	rv = cli_pin_read(cli, &(struct cli_secret_source){ .fd = number }, "PIN", pin);
	(void)close(ends[0]);
	return rv;
}

static void descriptor_gives_its_first_line(void **state)
{
	struct cli cli = { .command = "test" };
	CLEANUP(pin) struct secret pin = { 0 };

	(void)state;
	assert_int_equal(read_from_fd("1234\r\nmore", 10, &pin, &cli), CKR_OK);

	assert_true(secret_equal(&pin, bytes_of_text("1234")));
}

static void two_lines_of_one_descriptor_are_two_secrets(void **state)
{
	struct cli cli = { .command = "test" };
	CLEANUP(pin) struct secret first = { 0 };
	CLEANUP(pin) struct secret second = { 0 };
	char number[16];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "11\n22\n", 6), 6);
	(void)snprintf(number, sizeof(number), "%d", ends[0]);
	struct cli_secret_source source = { .fd = number };

	assert_int_equal(cli_pin_read(&cli, &source, "PIN", &first), CKR_OK);
	assert_int_equal(cli_pin_read(&cli, &source, "PIN", &second), CKR_OK);
	assert_true(secret_equal(&first, bytes_of_text("11")) &&
		    secret_equal(&second, bytes_of_text("22")));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void empty_and_overlong_secrets_are_refused(void **state)
{
	struct cli cli = { .command = "test" };
	CLEANUP(pin) struct secret pin = { 0 };
	char long_line[SECRET_MAX + 1];

	(void)state;
	memset(long_line, 'x', sizeof(long_line));
	assert_int_not_equal(read_from_fd("\n", 1, &pin, &cli), CKR_OK);
	assert_int_equal(cli.status, CLI_INPUT);
	assert_int_not_equal(read_from_fd(long_line, sizeof(long_line), &pin, &cli), CKR_OK);
}

static void file_gives_its_first_line(void **state)
{
	CLEANUP(fd) int fd = memfd_create("pin", MFD_CLOEXEC);
	struct cli cli = { .command = "test" };
	CLEANUP(pin) struct secret pin = { 0 };
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(write(fd, "4321\nmore", 9), 9);
	assert_int_equal(
		cli_pin_read(&cli, &(struct cli_secret_source){ .file = path }, "PIN", &pin),
		CKR_OK);

	assert_true(secret_equal(&pin, bytes_of_text("4321")));
}

static void missing_file_and_bad_number_are_told(void **state)
{
	struct cli_secret_source none = { .file = "/proc/self/fd/none" }, bad = { .fd = "3x" };
	struct cli cli = { .command = "test" };
	CLEANUP(pin) struct secret pin = { 0 };

	(void)state;
	assert_int_not_equal(cli_pin_read(&cli, &none, "PIN", &pin), CKR_OK);
	assert_int_equal(cli.status, CLI_INPUT);
	assert_int_not_equal(cli_pin_read(&cli, &bad, "PIN", &pin), CKR_OK);
	assert_int_equal(cli.status, CLI_USAGE);
}

static void yes_needs_no_confirmation(void **state)
{
	struct cli cli = { .command = "test", .options.yes = true };

	(void)state;
	assert_int_equal(cli_pin_confirm(&cli, "Go on"), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptor_gives_its_first_line),
		cmocka_unit_test(two_lines_of_one_descriptor_are_two_secrets),
		cmocka_unit_test(empty_and_overlong_secrets_are_refused),
		cmocka_unit_test(file_gives_its_first_line),
		cmocka_unit_test(missing_file_and_bad_number_are_told),
		cmocka_unit_test(yes_needs_no_confirmation),
	};

	return cmocka_run_group_tests_name("cli_pin", tests, NULL, NULL);
}
