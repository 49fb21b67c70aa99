/* SPDX-License-Identifier: Apache-2.0 */
/* The socket's name in the file system, made again when somebody removes it. */
#include "socket_watch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listen.h"
#include "log.h"

/* Of the directory: a socket that is bound has no name of its own to be watched. */
static bool watch_directory(int watcher, const char *socket)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(socket, '/');
	int len = slash && slash > socket ? (int)(slash - socket) : 1;

	(void)snprintf(directory, sizeof(directory), "%.*s", len, socket);
	return inotify_add_watch(watcher, directory, IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR) >= 0;
}

void socket_watch_open(struct front *front)
{
	const char *path = front->settings->socket;

	front->watcher = -1;
	if (!front->listener_is_ours)
		return;
	front->watcher = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (front->watcher < 0 || !watch_directory(front->watcher, path))
		log_warn("agent: a removed socket will not be noticed, after that send SIGHUP: "
			 "%s: %s",
			path, strerror(errno));
}

static void drain(int watcher)
{
	char events[4096];

	while (watcher >= 0 && read(watcher, events, sizeof(events)) > 0)
		continue;
}

void socket_watch_check(struct front *front)
{
	const char *path = front->settings->socket;
	struct stat status;
	bool ours = false;

	drain(front->watcher);
	if (!front->listener_is_ours || lstat(path, &status) == 0 || errno != ENOENT)
		return;
	log_warn("agent: the socket was removed by somebody and is made again: %s", path);
	int fd = listen_open(path, &ours);

	if (fd < 0)
		return;
	(void)close(front->listener);
	front->listener = fd;
	/* Its directory may be another one as well. */
	if (front->watcher >= 0 && !watch_directory(front->watcher, path))
		log_warn("agent: a removed socket will not be noticed: %s: %s", path,
			strerror(errno));
}

void socket_watch_close(struct front *front)
{
	if (front->watcher >= 0)
		(void)close(front->watcher);
	front->watcher = -1;
}
