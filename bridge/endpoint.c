/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bridge may be asked: a Unix socket, or a port that only this machine reaches. */
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"

#define UNIX_PREFIX "unix:"

enum { LOOPBACK_NET = 127, PORT_MAX = 65535, HOST_MAX = 46 };

bool endpoint_of_path(const char *path, struct endpoint *endpoint)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	(void)strcpy(address.sun_path, path);
	*endpoint = (struct endpoint){ .len = sizeof(address) };
	memcpy(&endpoint->address, &address, sizeof(address));
	return true;
}

const char *endpoint_path(const struct endpoint *endpoint)
{
	const struct sockaddr_un *address = (const struct sockaddr_un *)&endpoint->address;

	return endpoint->address.ss_family == AF_UNIX ? address->sun_path : NULL;
}

static bool parse_port(const char *text, in_port_t *port)
{
	char *end = NULL;

	if (*text < '1' || *text > '9')
		return false;
	long value = strtol(text, &end, 10);

	if (*end != '\0' || value > PORT_MAX)
		return false;
	*port = htons((in_port_t)value);
	return true;
}

static bool parse_ipv4(const char *host, in_port_t port, struct endpoint *endpoint)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = port };

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
		ntohl(address.sin_addr.s_addr) >> 24 != LOOPBACK_NET)
		return false;
	*endpoint = (struct endpoint){ .len = sizeof(address) };
	memcpy(&endpoint->address, &address, sizeof(address));
	return true;
}

static bool parse_ipv6(const char *host, in_port_t port, struct endpoint *endpoint)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = port };

	if (strcmp(host, "[::1]") != 0)
		return false;
	address.sin6_addr = in6addr_loopback;
	*endpoint = (struct endpoint){ .len = sizeof(address) };
	memcpy(&endpoint->address, &address, sizeof(address));
	return true;
}

bool endpoint_parse(const char *text, struct endpoint *endpoint)
{
	const char *colon = strrchr(text, ':');
	char host[HOST_MAX];
	in_port_t port = 0;

	if (strncmp(text, UNIX_PREFIX "/", sizeof(UNIX_PREFIX)) == 0)
		return endpoint_of_path(text + sizeof(UNIX_PREFIX) - 1, endpoint);
	if (!colon || (size_t)(colon - text) >= sizeof(host) || !parse_port(colon + 1, &port))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	return parse_ipv4(host, port, endpoint) || parse_ipv6(host, port, endpoint);
}

/* A socket that refuses connections is left over from a process that died. */
static bool remove_leftover(const struct endpoint *endpoint)
{
	struct stat status;
	const char *path = endpoint_path(endpoint);

	if (lstat(path, &status) != 0)
		return errno == ENOENT;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = !S_ISSOCK(status.st_mode) || fd < 0 ||
		     connect(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) == 0 ||
		     errno != ECONNREFUSED;

	if (fd >= 0)
		(void)close(fd);
	if (alive)
		errno = EADDRINUSE;
	return !alive && unlink(path) == 0;
}

static bool make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(free) char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;

	return !slash || slash == path || (parent && file_make_directory(parent, 0755));
}

static bool bind_socket(int fd, const struct endpoint *endpoint)
{
	int yes = 1;
	mode_t mask = umask(0117);
	bool bound = (endpoint_path(endpoint) ||
			     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0) &&
		     bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) == 0;

	(void)umask(mask);
	return bound;
}

int endpoint_listen(const struct endpoint *endpoint, int backlog)
{
	const char *path = endpoint_path(endpoint);

	if (path && (!make_parent(path) || !remove_leftover(endpoint)))
		return -1;
	int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (bind_socket(fd, endpoint) && listen(fd, backlog) == 0)
		return fd;
	int failure = errno;

	(void)close(fd);
	errno = failure;
	return -1;
}
