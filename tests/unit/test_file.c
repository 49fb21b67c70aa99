/* SPDX-License-Identifier: Apache-2.0 */
/* Files read with a bound and replaced atomically. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file.h"
#include "support/directory.h"

static void replaced_file_is_read_back_with_its_mode(void **state)
{
	const char *path = directory_file(*state, "a");
	struct stat status;
	size_t len = 0;

	assert_true(file_replace(path, bytes_of("old text", 8), 0600));
	assert_true(file_replace(path, bytes_of("new", 3), 0640));
	char *content = file_read(path, 16, &len);

	assert_string_equal(content, "new");
	assert_int_equal(len, 3);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	free(content);
}

static void file_beyond_the_bound_is_refused(void **state)
{
	const char *path = directory_file(*state, "a");
	size_t len = 0;

	assert_true(file_replace(path, bytes_of("12345", 5), 0600));
	assert_null(file_read(path, 4, &len));
	assert_int_equal(errno, EFBIG);
	char *content = file_read(path, 5, &len);

	assert_non_null(content);
	free(content);
}

static void file_without_a_size_is_read_too(void **state)
{
	size_t len = 0;
	char *content = file_read("/proc/self/status", 65536, &len);

	(void)state;
	assert_non_null(content);
	assert_true(len > 0);
	free(content);
}

static void missing_file_and_directory_say_so(void **state)
{
	struct directory *directory = *state;
	size_t len = 0;

	assert_null(file_read(directory_file(*state, "none"), 16, &len));
	assert_int_equal(errno, ENOENT);
	assert_null(file_read(directory->path, 16, &len));
	assert_int_equal(errno, EISDIR);
}

static void failed_replacement_leaves_no_temporary_file(void **state)
{
	const char *path = directory_file(*state, "busy");

	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(file_replace(path, bytes_of("x", 1), 0600));
	/* rmdir of the parent would fail if anything else were left. */
	assert_int_equal(rmdir(path), 0);
	struct directory *directory = *state;

	assert_int_equal(rmdir(directory->path), 0);
	assert_int_equal(mkdir(directory->path, 0700), 0);
}

static void missing_parents_are_made_and_twice_is_no_error(void **state)
{
	const char *path = directory_file(*state, "a/b/c");
	struct stat status;

	assert_true(file_make_directory(path, 0700));
	assert_true(file_make_directory(path, 0700));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
}

int main(void)
{
#define DIRECTORY_TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(replaced_file_is_read_back_with_its_mode),
		DIRECTORY_TEST(file_beyond_the_bound_is_refused),
		DIRECTORY_TEST(file_without_a_size_is_read_too),
		DIRECTORY_TEST(missing_file_and_directory_say_so),
		DIRECTORY_TEST(failed_replacement_leaves_no_temporary_file),
		DIRECTORY_TEST(missing_parents_are_made_and_twice_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
