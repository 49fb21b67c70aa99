/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bridge may be asked: a Unix socket, or a port that only this machine reaches. */
#ifndef IOTHSM_ENDPOINT_H
#define IOTHSM_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct endpoint {
	struct sockaddr_storage address;
	socklen_t len;
};

/* "unix:/path", "127.0.0.1:port" (all of 127.0.0.0/8) or "[::1]:port"; false for all else. */
bool endpoint_parse(const char *text, struct endpoint *endpoint);

/* The same for a path alone; false when it does not fit into an address. */
bool endpoint_of_path(const char *path, struct endpoint *endpoint);

/* The path of a Unix socket, NULL of a port. */
const char *endpoint_path(const struct endpoint *endpoint);

/*
 * A listening socket, non-blocking; -1 with errno. A Unix socket gets mode 0660 and a parent
 * directory; one that nobody listens at is replaced.
 */
int endpoint_listen(const struct endpoint *endpoint, int backlog);

#endif
