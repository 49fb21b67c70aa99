/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that clients connect to, and what systemd gives and wants to know. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

enum { LISTEN_FIRST_FD = 3, LISTEN_BACKLOG = 128 };

#define LISTEN_GROUP "iothsm-clients"

static bool is_listening_unix_socket(int fd)
{
	int listening = 0;
	int domain = 0;
	int type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

/* sd_listen_fds(3). */
static bool is_socket_activated(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	return pid && count && strtol(pid, NULL, 10) == (long)getpid();
}

static int take_from_systemd(void)
{
	if (strtol(getenv("LISTEN_FDS"), NULL, 10) != 1 ||
		!is_listening_unix_socket(LISTEN_FIRST_FD)) {
		log_error("agent: systemd has to pass exactly one listening Unix stream socket, "
			  "correct iothsm-agent.socket");
		return -1;
	}
	if (fcntl(LISTEN_FIRST_FD, F_SETFD, FD_CLOEXEC) != 0 ||
		fcntl(LISTEN_FIRST_FD, F_SETFL, O_NONBLOCK) != 0) {
		log_error("agent: cannot use systemd's socket: %s", strerror(errno));
		return -1;
	}
	return LISTEN_FIRST_FD;
}

static bool is_answered(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A queue that is full is somebody's too. */
	bool answered =
		fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
				   errno == EAGAIN);

	if (fd >= 0)
		(void)close(fd);
	return answered;
}

static bool remove_stale(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status) != 0)
		return true;
	if (!S_ISSOCK(status.st_mode)) {
		log_error("agent: the path of the socket is taken by another kind of file, remove "
			  "it or set 'socket': %s",
			path);
		return false;
	}
	if (is_answered(address)) {
		log_error("agent: another agent answers on the socket, stop it or set 'socket': %s",
			path);
		return false;
	}
	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	log_error("agent: cannot remove a stale socket: %s: %s", path, strerror(errno));
	return false;
}

static bool bind_and_listen(int fd, const struct sockaddr_un *address)
{
	const struct group *group = getgrnam(LISTEN_GROUP);
	mode_t mask = umask(0117); /* there is no moment at which others may connect */
	bool bound = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	int failure = errno;

	(void)umask(mask);
	errno = failure;
	if (!bound)
		return false;
	if (group && chown(address->sun_path, (uid_t)-1, group->gr_gid) != 0)
		log_warn("agent: only its own user may connect, the agent's user has to be in the "
			 "group " LISTEN_GROUP ": %s",
			strerror(errno));
	return listen(fd, LISTEN_BACKLOG) == 0;
}

static int make(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (!remove_stale(&address))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind_and_listen(fd, &address))
		return fd;
	log_error("agent: cannot listen, its directory has to exist and be writable for the agent: "
		  "%s: %s",
		path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

int listen_open(const char *path, bool *ours)
{
	*ours = !is_socket_activated();
	return *ours ? make(path) : take_from_systemd();
}

void listen_close(int fd, const char *path, bool ours)
{
	if (fd < 0)
		return;
	(void)close(fd);
	if (ours && unlink(path) != 0)
		log_warn("agent: cannot remove the socket: %s: %s", path, strerror(errno));
}

void listen_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(address.sun_path))
		return;
	size_t len = strlen(path);

	memcpy(address.sun_path, path, len);
	if (*path == '@')
		address.sun_path[0] = '\0'; /* an abstract name */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
		sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn("agent: cannot tell systemd \"%s\": %s", state, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}
