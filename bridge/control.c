/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: one JSON object a line, answered by one JSON object a line. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "endpoint.h"
#include "json.h"
#include "log.h"
#include "wallclock.h"

struct client {
	int fd;
	int64_t active_ms;
	char line[CONTROL_LINE_MAX];
	size_t len;
	char *out; /* the answer that is being written; no further line is read meanwhile */
	size_t out_len;
	size_t out_done;
};

struct control {
	char *path;
	int fd;
	control_answer *answer;
	void *context;
	size_t count;
	struct client *clients[CONTROL_CLIENTS_MAX];
};

static int listen_at(const char *path)
{
	struct endpoint endpoint;

	return endpoint_of_path(path, &endpoint) ? endpoint_listen(&endpoint, CONTROL_CLIENTS_MAX)
						 : -1;
}

struct control *control_open(const char *path, control_answer *answer, void *context)
{
	struct control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	control->answer = answer;
	control->context = context;
	control->path = strdup(path);
	control->fd = control->path ? listen_at(path) : -1;
	if (control->fd >= 0)
		return control;
	log_error("control: cannot listen socket=%s error=\"%m\"", path);
	free(control->path);
	free(control);
	return NULL;
}

static void close_client(struct client *client)
{
	(void)close(client->fd);
	free(client->out);
	free(client);
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < control->count; i++)
		close_client(control->clients[i]);
	(void)close(control->fd);
	(void)unlink(control->path);
	free(control->path);
	free(control);
}

json_t *control_reply(bool success, const char *message, json_t *data)
{
	return json_pack("{s:b s:s s:o}", "success", success, "message", message, "data",
		data ? data : json_null());
}

size_t control_prepare(struct control *control, struct pollfd fds[CONTROL_CLIENTS_MAX + 1])
{
	for (size_t i = 0; i < control->count; i++) {
		const struct client *client = control->clients[i];

		fds[i] = (struct pollfd){ client->fd, client->out ? POLLOUT : POLLIN, 0 };
	}
	/* A full house lets the next one wait in the backlog. */
	fds[control->count] = (struct pollfd){ control->fd,
		control->count < CONTROL_CLIENTS_MAX ? POLLIN : 0, 0 };
	return control->count + 1;
}

static bool flush(struct client *client)
{
	while (client->out_done < client->out_len) {
		ssize_t put = send(client->fd, client->out + client->out_done,
			client->out_len - client->out_done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put < 0)
			return errno == EAGAIN || errno == EINTR;
		client->out_done += (size_t)put;
		client->active_ms = wallclock_uptime_ms();
	}
	free(client->out);
	client->out = NULL;
	return true;
}

static json_t *answer_line(struct control *control, struct bytes line)
{
	CLEANUP(json) json_t *request = json_parse(line);

	if (!json_is_object(request))
		return control_reply(false, "a line must be one JSON object", NULL);
	return control->answer(control->context, request);
}

static bool start_answer(struct control *control, struct client *client, struct bytes line)
{
	CLEANUP(json) json_t *reply = answer_line(control, line);
	CLEANUP(free) char *text = reply ? json_print(reply) : NULL;
	int len = text ? asprintf(&client->out, "%s\n", text) : -1;

	if (len < 0) {
		client->out = NULL;
		return false;
	}
	client->out_len = (size_t)len;
	client->out_done = 0;
	return flush(client);
}

/* One line after the other, each answered before the next is looked at. */
static bool answer_lines(struct control *control, struct client *client)
{
	while (!client->out) {
		char *end = memchr(client->line, '\n', client->len);

		if (!end)
			return client->len < sizeof(client->line);
		size_t used = (size_t)(end - client->line) + 1;

		if (!start_answer(control, client, bytes_of(client->line, used - 1)))
			return false;
		client->len -= used;
		memmove(client->line, client->line + used, client->len);
	}
	return true;
}

static bool receive(struct control *control, struct client *client)
{
	ssize_t got = recv(client->fd, client->line + client->len,
		sizeof(client->line) - client->len, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	client->len += (size_t)got;
	client->active_ms = wallclock_uptime_ms();
	return answer_lines(control, client);
}

static bool handle(struct control *control, struct client *client, short events)
{
	if (wallclock_uptime_ms() - client->active_ms > CONTROL_IDLE_MS || (events & POLLNVAL))
		return false;
	if (client->out)
		return !events || (flush(client) && answer_lines(control, client));
	return !events || receive(control, client);
}

static void accept_client(struct control *control)
{
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = fd >= 0 ? calloc(1, sizeof(*client)) : NULL;

	if (!client) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	client->fd = fd;
	client->active_ms = wallclock_uptime_ms();
	control->clients[control->count++] = client;
}

void control_handle(
	struct control *control, const struct pollfd fds[CONTROL_CLIENTS_MAX + 1], size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i + 1 < count; i++) {
		struct client *client = control->clients[i];

		if (handle(control, client, fds[i].revents))
			control->clients[kept++] = client;
		else
			close_client(client);
	}
	control->count = kept;
	if (fds[count - 1].revents & POLLIN)
		accept_client(control);
}
