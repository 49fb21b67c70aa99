/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read with a bound, replaced atomically. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_full(int fd, char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = read(fd, data + done, len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static char *read_open_file(int fd, size_t max, size_t *len)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return NULL;
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return NULL;
	}
	/* A pipe or /proc file has no size: read up to the bound. */
	size_t room = S_ISREG(status.st_mode) && status.st_size > 0 ? (size_t)status.st_size : max;

	if (room > max) {
		errno = EFBIG;
		return NULL;
	}
	char *data = malloc(room + 2);
	ssize_t got = data ? read_full(fd, data, room + 1) : -1;

	if (got >= 0 && (size_t)got > max) {
		errno = EFBIG;
		got = -1;
	}
	if (got < 0) {
		free(data);
		return NULL;
	}
	data[got] = '\0';
	*len = (size_t)got;
	return data;
}

char *file_read(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return NULL;
	char *data = read_open_file(fd, max, len);
	int failure = errno;

	(void)close(fd);
	errno = failure;
	return data;
}

static bool write_full(int fd, struct bytes content)
{
	size_t done = 0;

	while (done < content.len) {
		ssize_t put = write(fd, content.data + done, content.len - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		done += (size_t)put;
	}
	return true;
}

static bool sync_directory_of(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		(void)strcpy(directory, ".");
	else if (len == 0)
		(void)strcpy(directory, "/");
	else
		memcpy(directory, path, len), directory[len] = '\0';
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool done = fsync(fd) == 0;

	(void)close(fd);
	return done;
}

bool file_replace(const char *path, struct bytes content, mode_t mode)
{
	char temporary[PATH_MAX];
	int len = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);

	if (len < 0 || (size_t)len >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return false;
	}
	int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0)
		return false;
	bool written = write_full(fd, content) && fchmod(fd, mode) == 0 && fsync(fd) == 0;

	written = close(fd) == 0 && written;
	if (written && rename(temporary, path) == 0)
		return sync_directory_of(path);
	int failure = errno;

	(void)unlink(temporary);
	errno = failure;
	return false;
}

bool file_make_directory(const char *path, mode_t mode)
{
	char parent[PATH_MAX];

	if (strlen(path) >= sizeof(parent)) {
		errno = ENAMETOOLONG;
		return false;
	}
	(void)strcpy(parent, path);
	for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(parent, 0755) != 0 && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return mkdir(path, mode) == 0 || errno == EEXIST;
}
