/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary directory of a test, removed with everything below it. */
#ifndef IOTHSM_TEST_DIRECTORY_H
#define IOTHSM_TEST_DIRECTORY_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct directory {
	char path[64];
	char file[128]; /* of the last directory_write() or directory_file() */
};

static inline void directory_make(struct directory *directory)
{
	(void)strcpy(directory->path, "/tmp/iothsm-test.XXXXXX");
	assert_non_null(mkdtemp(directory->path));
}

static inline const char *directory_file(struct directory *directory, const char *name)
{
	(void)snprintf(directory->file, sizeof(directory->file), "%s/%s", directory->path, name);
	return directory->file;
}

static inline const char *directory_write(
	struct directory *directory, const char *name, const char *text)
{
	FILE *file = fopen(directory_file(directory, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return directory->file;
}

static inline int directory_remove_entry(
	const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void directory_remove(struct directory *directory)
{
	assert_int_equal(
		nftw(directory->path, directory_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* cmocka's set-up and tear-down: *state is a struct directory. */
static inline int directory_setup(void **state)
{
	*state = calloc(1, sizeof(struct directory));
	assert_non_null(*state);
	directory_make(*state);
	return 0;
}

static inline int directory_teardown(void **state)
{
	directory_remove(*state);
	free(*state);
	return 0;
}

#endif
