/* SPDX-License-Identifier: Apache-2.0 */
/* state.json: made once, kept, and never lost when damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>

#include "state.h"
#include "support/directory.h"

static int setup(void **state)
{
	struct directory *directory = calloc(1, sizeof(*directory));

	assert_non_null(directory);
	directory_make(directory);
	*state = directory;
	return 0;
}

static int teardown(void **state)
{
	directory_remove(*state);
	free(*state);
	return 0;
}

static void first_start_makes_a_private_file(void **context)
{
	struct directory *directory = *context;
	struct state state;
	struct stat status;

	CK_RV rv = state_load(directory->path, &state);

	assert_int_equal(rv, CKR_OK);
	assert_true(uuid_is_valid(state.uuid));
	assert_int_equal(state.uuid[14], '4');
	assert_int_equal(stat(directory_file(directory, "state.json"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void later_starts_keep_the_uuid(void **context)
{
	struct directory *directory = *context;
	struct state first;
	struct state second;

	assert_int_equal(state_load(directory->path, &first), CKR_OK);
	CK_RV rv = state_load(directory->path, &second);

	assert_int_equal(rv, CKR_OK);
	assert_string_equal(first.uuid, second.uuid);
}

static void state_of_the_reference_appliance_is_read(void **context)
{
	struct directory *directory = *context;
	struct state state;

	(void)directory_write(directory, "state.json",
		"{\"uuid\": \"8757b009-3c2c-4efd-8287-150adeb79b2d\", \"certificates\": {}}");
	CK_RV rv = state_load(directory->path, &state);

	assert_int_equal(rv, CKR_OK);
	assert_string_equal(state.uuid, "8757b009-3c2c-4efd-8287-150adeb79b2d");
}

static size_t count_kept(struct directory *directory)
{
	size_t count = 0;
	DIR *list = opendir(directory->path);
	struct dirent *entry;

	assert_non_null(list);
	while ((entry = readdir(list)))
		count += strncmp(entry->d_name, "state.json.damaged-", 19) == 0;
	(void)closedir(list);
	return count;
}

static void damaged_file_is_kept_aside(void **context)
{
	struct directory *directory = *context;
	struct state state;

	(void)directory_write(directory, "state.json", "{\"uuid\": \"8757b0");
	CK_RV rv = state_load(directory->path, &state);

	assert_int_equal(rv, CKR_OK);
	assert_true(uuid_is_valid(state.uuid));
	assert_int_equal(count_kept(directory), 1);
}

static void unusable_directory_is_an_error(void **unused)
{
	struct state state;

	(void)unused;
	assert_int_equal(state_load("/proc/iothsm", &state), CKR_DEVICE_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_start_makes_a_private_file, setup, teardown),
		cmocka_unit_test_setup_teardown(later_starts_keep_the_uuid, setup, teardown),
		cmocka_unit_test_setup_teardown(
			state_of_the_reference_appliance_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_file_is_kept_aside, setup, teardown),
		cmocka_unit_test(unusable_directory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
