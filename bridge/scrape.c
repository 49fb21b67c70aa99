/* SPDX-License-Identifier: Apache-2.0 */
/* Answers GET /metrics over HTTP/1.0 at a Unix socket or a port of this machine, and nothing else.
 */
#include "scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "endpoint.h"
#include "log.h"
#include "wallclock.h"

struct client {
	int fd;
	int64_t end_ms; /* of its whole stay, so that nobody can keep a place */
	char request[SCRAPE_REQUEST_MAX + 1];
	size_t len;
	char *out; /* the answer that is being written */
	size_t out_len;
	size_t out_done;
};

struct scrape {
	struct endpoint endpoint;
	int fd;
	const char *type;
	scrape_answer *answer;
	void *context;
	size_t count;
	struct client *clients[SCRAPE_CLIENTS_MAX];
};

struct scrape *scrape_open(
	const char *address, const char *type, scrape_answer *answer, void *context)
{
	struct scrape *scrape = calloc(1, sizeof(*scrape));

	if (!scrape)
		return NULL;
	scrape->type = type;
	scrape->answer = answer;
	scrape->context = context;
	scrape->fd = endpoint_parse(address, &scrape->endpoint)
			     ? endpoint_listen(&scrape->endpoint, SCRAPE_CLIENTS_MAX)
			     : -1;
	if (scrape->fd >= 0)
		return scrape;
	log_error("scrape: cannot listen metrics=%s error=\"%m\"", address);
	free(scrape);
	return NULL;
}

static void close_client(struct client *client)
{
	(void)close(client->fd);
	free(client->out);
	free(client);
}

void scrape_close(struct scrape *scrape)
{
	if (!scrape)
		return;
	for (size_t i = 0; i < scrape->count; i++)
		close_client(scrape->clients[i]);
	(void)close(scrape->fd);
	if (endpoint_path(&scrape->endpoint))
		(void)unlink(endpoint_path(&scrape->endpoint));
	free(scrape);
}

/* A full house lets the next one wait in the backlog. */
size_t scrape_prepare(struct scrape *scrape, struct pollfd fds[SCRAPE_CLIENTS_MAX + 1])
{
	if (!scrape)
		return 0;
	for (size_t i = 0; i < scrape->count; i++) {
		const struct client *client = scrape->clients[i];

		fds[i] = (struct pollfd){ client->fd, client->out ? POLLOUT : POLLIN, 0 };
	}
	fds[scrape->count] =
		(struct pollfd){ scrape->fd, scrape->count < SCRAPE_CLIENTS_MAX ? POLLIN : 0, 0 };
	return scrape->count + 1;
}

/* RFC 9112: method, target and version, with one space between them. */
static const char *judge(const char *request)
{
	static const struct {
		const char *line;
		const char *status;
	} lines[] = {
		{ "GET /metrics HTTP/1.", "200 OK" },
		{ "GET /metrics?", "200 OK" },
		{ "GET / HTTP/1.", "404 Not Found" },
		{ "GET ", "404 Not Found" },
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (strncmp(request, lines[i].line, strlen(lines[i].line)) == 0)
			return lines[i].status;
	}
	return "405 Method Not Allowed";
}

/* Closes the connection when even that cannot be said. */
static bool start_answer(struct scrape *scrape, struct client *client)
{
	const char *status = judge(client->request);
	bool good = status[0] == '2';
	CLEANUP(free) char *body = good ? scrape->answer(scrape->context) : NULL;
	int len = 0;

	if (good && !body)
		status = "503 Service Unavailable";
	len = asprintf(&client->out,
		"HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nAllow: GET\r\n"
		"Connection: close\r\n\r\n%s",
		status, body ? scrape->type : "text/plain", body ? strlen(body) : 0,
		body ? body : "");
	if (len < 0)
		client->out = NULL;
	client->out_len = len < 0 ? 0 : (size_t)len;
	return client->out != NULL;
}

/* True while there is more to write. */
static bool flush(struct client *client)
{
	while (client->out_done < client->out_len) {
		ssize_t put = send(client->fd, client->out + client->out_done,
			client->out_len - client->out_done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put < 0)
			return errno == EAGAIN || errno == EINTR;
		client->out_done += (size_t)put;
	}
	/* What was not read of the request must not turn the end into a reset. */
	(void)shutdown(client->fd, SHUT_WR);
	return false;
}

static bool receive(struct scrape *scrape, struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->len,
		SCRAPE_REQUEST_MAX - client->len, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	client->len += (size_t)got;
	client->request[client->len] = '\0';
	if (strstr(client->request, "\r\n\r\n"))
		return start_answer(scrape, client) && flush(client);
	return got > 0 && client->len < SCRAPE_REQUEST_MAX;
}

static bool handle(struct scrape *scrape, struct client *client, short events)
{
	if (wallclock_uptime_ms() > client->end_ms || (events & POLLNVAL))
		return false;
	if (client->out)
		return !events || flush(client);
	return !events || receive(scrape, client);
}

static void accept_client(struct scrape *scrape)
{
	int fd = accept4(scrape->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;

	if (!client) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	client->fd = fd;
	client->end_ms = wallclock_uptime_ms() + SCRAPE_LIMIT_MS;
	scrape->clients[scrape->count++] = client;
}

void scrape_handle(
	struct scrape *scrape, const struct pollfd fds[SCRAPE_CLIENTS_MAX + 1], size_t count)
{
	size_t kept = 0;

	if (!scrape)
		return;
	for (size_t i = 0; i + 1 < count; i++) {
		struct client *client = scrape->clients[i];

		if (handle(scrape, client, fds[i].revents))
			scrape->clients[kept++] = client;
		else
			close_client(client);
	}
	scrape->count = kept;
	if (fds[count - 1].revents & POLLIN)
		accept_client(scrape);
}
