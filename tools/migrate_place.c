/* SPDX-License-Identifier: Apache-2.0 */
/* Files for another user: written with that user's rights, so that nothing of root's can be hit. */
#include "migrate_place.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli_error.h"
#include "file.h"

enum { PLACE_FILE_MAX = 1024 * 1024 };

CK_RV migrate_place_find(
	struct cli *cli, const char *directory, const char *package, struct migrate_place *place)
{
	struct stat status;

	if (lstat(directory, &status) != 0 || !S_ISDIR(status.st_mode))
		return cli_refuse(cli, CLI_NOT_FOUND,
			"client: there is no directory %s; install %s first, or name another by "
			"--state-dir",
			directory, package);
	*place = (struct migrate_place){ directory, status.st_uid, status.st_gid };
	return CKR_OK;
}

static bool path_of(
	const struct migrate_place *place, const char *name, char path[PATH_MAX], const char *end)
{
	int len = snprintf(path, PATH_MAX, "%s/%s%s", place->directory, name, end);

	if (len >= 0 && len < PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

enum migrate_state migrate_place_compare(
	const struct migrate_place *place, const char *name, struct bytes content)
{
	char path[PATH_MAX];
	size_t len = 0;

	if (!path_of(place, name, path, ""))
		return MIGRATE_OTHER;
	char *text = file_read(path, PLACE_FILE_MAX, &len);
	enum migrate_state state =
		text && bytes_equal(bytes_of(text, len), content) ? MIGRATE_EQUAL : MIGRATE_OTHER;

	if (!text && errno == ENOENT)
		state = MIGRATE_ABSENT;
	if (text)
		explicit_bzero(text, len);
	free(text);
	return state;
}

/* Root's other groups are given up for good: as root this program needs none. */
static bool become_owner(const struct migrate_place *place)
{
	if (geteuid() != 0 || place->uid == 0)
		return true;
	return setgroups(0, NULL) == 0 && setegid(place->gid) == 0 && seteuid(place->uid) == 0;
}

/* A program that cannot take its rights back must not go on with half of them. */
static void become_oneself(void)
{
	if (seteuid(getuid()) != 0 || setegid(getgid()) != 0)
		abort();
}

/* link() refuses an existing name, so nothing that was kept before is lost. */
static bool keep_aside(const struct migrate_place *place, const char *name)
{
	char path[PATH_MAX];
	char aside[PATH_MAX];
	char end[48];

	(void)snprintf(end, sizeof(end), ".before-migration-%lld", (long long)time(NULL));
	return path_of(place, name, path, "") && path_of(place, name, aside, end) &&
	       (link(path, aside) == 0 || errno == ENOENT);
}

static bool make_parent(const struct migrate_place *place, const char *name)
{
	char path[PATH_MAX];
	const char *slash = strrchr(name, '/');

	if (!slash)
		return true;
	if (!path_of(place, name, path, ""))
		return false;
	path[strlen(place->directory) + 1 + (size_t)(slash - name)] = '\0';
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool write_file(
	const struct migrate_place *place, const char *name, struct bytes content, bool keep_old)
{
	char path[PATH_MAX];

	return make_parent(place, name) && (!keep_old || keep_aside(place, name)) &&
	       path_of(place, name, path, "") && file_replace(path, content, 0600);
}

CK_RV migrate_place_write(struct cli *cli, const struct migrate_place *place, const char *name,
	struct bytes content, bool keep_old)
{
	bool done = become_owner(place) && write_file(place, name, content, keep_old);
	int failure = errno;

	become_oneself();
	if (done)
		return CKR_OK;
	return cli_refuse(cli, CLI_FAILURE,
		"client: cannot write %s/%s: %s; run it as root, and again when that is mended",
		place->directory, name, strerror(failure));
}
