/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the bridge over its control socket: one JSON object a line, each way. */
#include "cli_bridge.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "bytes.h"
#include "cleanup.h"
#include "json.h"

enum { BRIDGE_DEADLINE_MS = 5000, BRIDGE_READ_STEP = 16 * 1024 };

const char *cli_bridge_path(const struct cli *cli)
{
	return cli->options.bridge ? cli->options.bridge : CLI_BRIDGE_SOCKET;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int bridge_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEANUP(fd) int fd = -1;
	int connected;

	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	connected = fd;
	fd = -1;
	return connected;
}

/* One line with a NUL in place of its end; NULL with errno set. */
static char *line_receive(int fd)
{
	int64_t deadline_ms = now_ms() + BRIDGE_DEADLINE_MS;
	CLEANUP(free) char *line = NULL;
	size_t len = 0;

	while (len < JSON_TEXT_MAX) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - now_ms();
		char *longer = realloc(line, len + BRIDGE_READ_STEP + 1);
		ssize_t got;

		if (!longer)
			return NULL;
		line = longer;
		errno = ETIMEDOUT;
		if (left_ms <= 0 || poll(&wait, 1, (int)left_ms) <= 0)
			return NULL;
		got = recv(fd, line + len, BRIDGE_READ_STEP, 0);
		errno = got == 0 ? EPROTO : errno;
		if (got <= 0)
			return NULL;
		len += (size_t)got;
		line[len] = '\0';
		if (strchr(line, '\n')) {
			*strchr(line, '\n') = '\0';
			return steal(&line);
		}
	}
	errno = EFBIG;
	return NULL;
}

json_t *cli_bridge_ask(const char *path, const char *op)
{
	CLEANUP(fd) int fd = bridge_connect(path);
	CLEANUP(free) char *line = NULL;
	CLEANUP(json) json_t *answer = NULL;
	char question[128];
	int len;

	if (fd < 0)
		return NULL;
	len = snprintf(question, sizeof(question), "{\"op\":\"%s\"}\n", op);
	if (send(fd, question, (size_t)len, MSG_NOSIGNAL) != len)
		return NULL;
	line = line_receive(fd);
	if (!line)
		return NULL;
	answer = json_parse(bytes_of_text(line));
	errno = EPROTO;
	return json_is_object(answer) ? steal(&answer) : NULL;
}
