/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary directory of a test's own, gone with its files when the test ends. */
#ifndef IOTHSM_TEST_DIRECTORY_H
#define IOTHSM_TEST_DIRECTORY_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct test_directory {
	char path[64];
};

/* cmocka set-up and tear-down: *state becomes a struct test_directory. */
static inline int test_directory_setup(void **state)
{
	struct test_directory *directory = calloc(1, sizeof(*directory));

	if (!directory)
		return -1;
	(void)snprintf(directory->path, sizeof(directory->path), "/tmp/iothsm-test-XXXXXX");
	*state = directory;
	return mkdtemp(directory->path) ? 0 : -1;
}

static inline int test_directory_remove_entry(
	const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int test_directory_teardown(void **state)
{
	struct test_directory *directory = *state;
	int removed = nftw(directory->path, test_directory_remove_entry, 16, FTW_DEPTH | FTW_PHYS);

	free(directory);
	return removed;
}

/* path/name; static, so one at a time. */
static inline const char *test_directory_file(void **state, const char *name)
{
	static char path[PATH_MAX];
	const struct test_directory *directory = *state;

	(void)snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	return path;
}

#endif
