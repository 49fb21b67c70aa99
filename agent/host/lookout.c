/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a token directory by anyone (inotify), reported once it is quiet again. */
#include "lookout.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	COMING = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO,
	OUTER = COMING | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
	INNER = IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW,
	BATCH_BYTES = 4096,
	BATCHES_MAX = 64
};

void lookout_init(struct lookout *lookout)
{
	*lookout = (struct lookout){ .fd = -1 };
}

/* One that is watched already stays as it is; one that is gone meanwhile was a change itself. */
static void watch_inner(const struct lookout *lookout)
{
	DIR *listing = opendir(lookout->directory);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (listing && (entry = readdir(listing)) != NULL) {
		int len = snprintf(path, sizeof(path), "%s/%s", lookout->directory, entry->d_name);

		if (entry->d_name[0] != '.' && len > 0 && (size_t)len < sizeof(path))
			(void)inotify_add_watch(lookout->fd, path, INNER);
	}
	if (listing)
		(void)closedir(listing);
}

bool lookout_open(struct lookout *lookout, const char *directory)
{
	lookout_close(lookout);
	if ((size_t)snprintf(lookout->directory, sizeof(lookout->directory), "%s", directory) >=
		sizeof(lookout->directory))
		return false;
	lookout->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (lookout->fd < 0)
		return false;
	if (inotify_add_watch(lookout->fd, directory, OUTER) < 0) {
		lookout_close(lookout);
		return false;
	}
	watch_inner(lookout);
	return true;
}

void lookout_close(struct lookout *lookout)
{
	if (lookout->fd >= 0)
		(void)close(lookout->fd);
	lookout_init(lookout);
}

/* Of what is written inside a token only the file of the token itself counts, not its keys. */
static bool matters(const struct inotify_event *event)
{
	if (event->mask & (COMING & ~(unsigned)IN_MOVED_TO) ||
		event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF))
		return true;
	if (event->mask & IN_ISDIR)
		return true;
	return event->len > 0 && strcmp(event->name, "token.object") == 0;
}

static bool any_matters(const char *batch, size_t len)
{
	bool any = false;

	for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
		const struct inotify_event *event = (const void *)(batch + at);

		any = any || matters(event);
		at += sizeof(*event) + event->len;
	}
	return any;
}

void lookout_hear(struct lookout *lookout, int64_t now_ms)
{
	_Alignas(struct inotify_event) char batch[BATCH_BYTES];
	bool any = false;

	for (int i = 0; i < BATCHES_MAX && lookout->fd >= 0; i++) {
		ssize_t len = read(lookout->fd, batch, sizeof(batch));

		if (len <= 0)
			break;
		any = any_matters(batch, (size_t)len) || any;
	}
	if (!any)
		return;
	watch_inner(lookout);
	lookout->last_ms = now_ms;
	if (lookout->first_ms == 0)
		lookout->first_ms = now_ms;
}

int64_t lookout_due_ms(const struct lookout *lookout)
{
	int64_t quiet_ms = lookout->last_ms + LOOKOUT_QUIET_MS;
	int64_t latest_ms = lookout->first_ms + LOOKOUT_LATEST_MS;

	if (lookout->first_ms == 0)
		return INT64_MAX;
	return quiet_ms < latest_ms ? quiet_ms : latest_ms;
}

bool lookout_report(struct lookout *lookout, int64_t now_ms)
{
	if (now_ms < lookout_due_ms(lookout))
		return false;
	lookout->first_ms = lookout->last_ms = 0;
	return true;
}
