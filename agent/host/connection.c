/* SPDX-License-Identifier: Apache-2.0 */
/* One thread a client connection: receive, dispatch, send; and the watch over calls that hang. */
#include "connection.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "dispatch.h"
#include "leave.h"
#include "log.h"
#include "share.h"

struct connection {
	struct connection *next; /* guarded by host->lock */
	struct host *host;
	struct client *client; /* NULL: work aside */
	int fd;
	uint64_t version;         /* of the wire */
	_Atomic int64_t since_ms; /* of the running call; 0: none */
	_Atomic int64_t limit_ms;
	void (*work)(void *);
	void *context;
	struct budget budget;
	struct frame in, out;
	struct arena arena;
};

static _Thread_local struct connection *own;

void connection_restart_watch(void)
{
	if (own)
		own->since_ms = wire_now_ms();
}

void connection_pause_watch(void)
{
	if (own)
		own->since_ms = 0;
}

void connection_expect_long(void)
{
	if (own)
		own->limit_ms = CONNECTION_LONG_MS;
}

static void add(struct connection *connection)
{
	struct host *host = connection->host;

	(void)pthread_mutex_lock(&host->lock);
	connection->next = host->connections;
	host->connections = connection;
	(void)pthread_mutex_unlock(&host->lock);
}

static void remove_and_free(struct connection *connection)
{
	struct host *host = connection->host;
	struct connection **at = &host->connections;

	(void)pthread_mutex_lock(&host->lock);
	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	if (connection->fd >= 0)
		(void)close(connection->fd);
	(void)pthread_cond_broadcast(&host->ended);
	(void)pthread_mutex_unlock(&host->lock);
	free(connection);
}

static void free_memory(struct connection *connection)
{
	arena_reset(&connection->arena);
	frame_free(&connection->in);
	frame_free(&connection->out);
}

/* Without room for a reply, all that the call took makes room for the one that says so. */
static bool encode(struct connection *connection, const Reply *reply)
{
	Reply too_large = { .rv = CKR_HOST_MEMORY };

	if (wire_encode_reply(&connection->out, reply))
		return true;
	free_memory(connection);
	return wire_encode_reply(&connection->out, &too_large);
}

static bool send_reply(struct connection *connection, const Reply *reply)
{
	if (!encode(connection, reply))
		return false;
	return wire_send(connection->fd, &connection->out, wire_now_ms() + CONNECTION_SEND_MS) ==
	       WIRE_DONE;
}

/* It was too late for this host: the module asks again, and is brought to the one that took over.
 */
static bool send_elsewhere(struct connection *connection)
{
	(void)send_reply(connection, &(Reply){ .rv = WIRE_ELSEWHERE });
	return false;
}

static bool may_complain(const struct connection *connection, unsigned long *kept_back)
{
	return throttle_admit(
		&connection->host->complaints, connection->client->uid, wire_now_ms(), kept_back);
}

static void log_no_call(const struct connection *connection)
{
	const struct client *client = connection->client;
	unsigned long kept_back = 0;

	if (may_complain(connection, &kept_back))
		log_warn("connection: closed, the client sent no call uid=%u pid=%d kept_back=%lu",
			(unsigned)client->uid, (int)client->pid, kept_back);
}

static void log_no_memory(const struct connection *connection)
{
	const struct client *client = connection->client;
	unsigned long kept_back = 0;

	if (may_complain(connection, &kept_back))
		log_warn("connection: no memory for a call uid=%u pid=%d serial=%s "
			 "user_bytes_max=%zu "
			 "host_bytes_max=%zu; to have more, raise 'memory' of backend \"%s\" in "
			 "agent.conf, a quarter is for one user kept_back=%lu",
			(unsigned)client->uid, (int)client->pid, client->token->facts.serial,
			client->share->budget.limit, connection->host->memory.limit,
			connection->host->backend, kept_back);
}

static bool refuse_call(struct connection *connection)
{
	return send_reply(connection, &(Reply){ .rv = CKR_HOST_MEMORY });
}

static bool answer_call(struct connection *connection)
{
	Call call = { 0 };
	Reply reply = { 0 };

	if (!wire_decode_call(
		    bytes_of(connection->in.data, connection->in.len), &connection->arena, &call)) {
		if (connection->budget.refused)
			return refuse_call(connection);
		log_no_call(connection);
		return false;
	}
	if (!leave_enter_call(connection->client))
		return send_elsewhere(connection);
	connection->limit_ms = connection->host->call_ms;
	connection->since_ms = wire_now_ms();
	dispatch_call(connection->client, &call, &connection->arena, &reply);
	connection->since_ms = 0;
	bool sent = send_reply(connection, &reply);

	leave_end_call(connection->client);
	return sent;
}

/* A client that goes on asks again much sooner than a token answers. */
static unsigned int patience_us(const struct connection *connection)
{
	return connection->host->busy_poll_us / 4;
}

/* Secrets of a call stay no longer than it. */
static void forget_call(struct connection *connection)
{
	arena_reset(&connection->arena);
	frame_wipe(&connection->in);
	frame_wipe(&connection->out);
}

static bool serve_one(struct connection *connection)
{
	connection->budget.refused = false;
	enum wire_result received =
		wire_receive_busy(connection->fd, &connection->in, -1, patience_us(connection));
	bool goes_on = received == WIRE_DONE      ? answer_call(connection)
		       : received == WIRE_NO_ROOM ? refuse_call(connection)
						  : false;

	if (connection->budget.refused)
		log_no_memory(connection);
	forget_call(connection);
	return goes_on;
}

static void serve(struct connection *connection)
{
	const uint32_t *busy_us = &connection->host->busy_poll_us;
	Reply hello = { .rv = CKR_OK,
		.number = connection->version,
		.number2 = connection->host->incarnation,
		.data = bytes_of((const uint8_t *)busy_us, sizeof(*busy_us)) };
	bool goes_on = send_reply(connection, &hello);

	while (goes_on)
		goes_on = serve_one(connection);
	/* While there is a client that it counts for. */
	free_memory(connection);
}

static void *thread_main(void *context)
{
	struct connection *connection = context;

	own = connection;
	if (connection->client) {
		serve(connection);
		/* What the client leaves behind may have to wait for the token. */
		(void)shutdown(connection->fd, SHUT_RDWR);
		connection->limit_ms = CONNECTION_LONG_MS;
		connection->since_ms = wire_now_ms();
		client_detach(connection->client);
	} else {
		connection->work(connection->context);
	}
	/* The process may end as soon as this connection is gone, before the thread quite has. */
	OPENSSL_thread_stop();
	remove_and_free(connection);
	return NULL;
}

static bool start_thread(struct connection *connection)
{
	pthread_attr_t attributes;
	pthread_t thread;

	add(connection);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, CONNECTION_STACK_BYTES);
	bool started = pthread_create(&thread, &attributes, thread_main, connection) == 0;

	(void)pthread_attr_destroy(&attributes);
	if (!started)
		remove_and_free(connection);
	return started;
}

static struct connection *connection_new(struct host *host, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->host = host;
	connection->fd = fd;
	connection->limit_ms = CONNECTION_LONG_MS;
	arena_init(&connection->arena, 2UL * WIRE_FRAME_MAX);
	return connection;
}

static void attach(struct connection *connection, struct client *client)
{
	connection->client = client;
	connection->budget = (struct budget){ .parent = &client->share->budget,
		.limit = SIZE_MAX,
		.spared = CONNECTION_SPARED_BYTES };
	connection->in.budget = &connection->budget;
	connection->out.budget = &connection->budget;
	connection->arena.budget = &connection->budget;
}

static void refuse(int fd, CK_RV rv)
{
	struct frame frame = { 0 };
	Reply reply = { .rv = rv };

	if (wire_encode_reply(&frame, &reply))
		(void)wire_send(fd, &frame, wire_now_ms());
	frame_free(&frame);
	(void)close(fd);
}

void connection_serve(struct host *host, const struct link_message *message, int fd)
{
	struct token *token = host_find_token(host, message->serial);

	if (!token || !token->present) {
		refuse(fd, CKR_TOKEN_NOT_PRESENT);
		return;
	}
	struct client *client = client_attach(host, token, message);
	struct connection *connection = client ? connection_new(host, fd) : NULL;

	if (!connection) {
		log_warn("connection: refused, too many of the client or no memory uid=%u",
			message->uid);
		refuse(fd, CKR_HOST_MEMORY);
	} else {
		attach(connection, client);
		connection->version = message->number;
		if (start_thread(connection))
			return;
		log_error("connection: refused, out of threads uid=%u", message->uid);
	}
	if (client)
		client_detach(client);
}

bool connection_run_aside(struct host *host, void (*work)(void *), void *context)
{
	struct connection *connection = connection_new(host, -1);

	if (!connection)
		return false;
	connection->work = work;
	connection->context = context;
	connection->since_ms = wire_now_ms();
	return start_thread(connection);
}

void connection_shut_down(struct host *host, const struct client *client)
{
	(void)pthread_mutex_lock(&host->lock);
	for (struct connection *at = host->connections; at; at = at->next)
		if (at->fd >= 0 && (!client || at->client == client))
			(void)shutdown(at->fd, SHUT_RDWR);
	(void)pthread_mutex_unlock(&host->lock);
}

void connection_stop_reading_locked(struct host *host, const struct client *client)
{
	for (struct connection *at = host->connections; at; at = at->next)
		if (at->fd >= 0 && at->client == client)
			(void)shutdown(at->fd, SHUT_RD);
}

bool connection_wait_all(struct host *host, int64_t wait_ms)
{
	int64_t until_ms = wire_now_ms() + wait_ms;
	struct timespec until = { .tv_sec = until_ms / 1000,
		.tv_nsec = (until_ms % 1000) * 1000000 };
	int failure = 0;

	(void)pthread_mutex_lock(&host->lock);
	while (host->connections && failure == 0)
		failure = pthread_cond_timedwait(&host->ended, &host->lock, &until);
	bool all = !host->connections;

	(void)pthread_mutex_unlock(&host->lock);
	return all;
}

bool connection_check_watchdog(struct host *host, int64_t now_ms)
{
	bool well = true;

	(void)pthread_mutex_lock(&host->lock);
	for (struct connection *at = host->connections; at; at = at->next) {
		int64_t since_ms = at->since_ms;

		if (since_ms != 0 && now_ms - since_ms > at->limit_ms)
			well = false;
	}
	(void)pthread_mutex_unlock(&host->lock);
	return well;
}
