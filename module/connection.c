/* SPDX-License-Identifier: Apache-2.0 */
/* The process's connections: one to the agent's front, and a pool of them to the token hosts. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "library.h"
#include "trust.h"

enum {
	BACKLOG_MS = 2000, /* how long connect() may wait in a full queue */
	CONTROL_MS = 5000, /* the front answers at once; its HELLO and slot list take no longer */
	HELLO_MS = 15000,  /* the front holds a HELLO up to 10 s while a token host restarts */
	POOL_WAIT_MS = 60000,
	PLACES = CONNECTIONS_MAX + WAITERS_MAX
};

/* Static, so that a forked child finds its descriptors whatever another thread was doing. */
struct connection {
	int fd;
	bool open;
	bool busy; /* owned by one thread, which alone touches the fields below */
	bool trusted;
	unsigned int busy_us; /* how long to wait for an answer without sleeping */
	CK_SLOT_ID slot;
	struct peer peer;
	struct frame frame;
	struct arena arena;
};

/* Behind the pool those of C_WaitForSlotEvent. */
static struct connection connections[PLACES];
static struct connection control;
static uint8_t client_id[WIRE_CLIENT_ID_LEN];
static uint64_t clients; /* client ids so far; peer.client of everything that is current */
static uint64_t first_event;
static bool event_is_known;
static bool closing = true;

/* Guards open and busy of every connection, client_id, clients, first_event,
 * closing; never held during a wait
 * for the agent. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static bool wait_changed_locked(int64_t deadline_ms)
{
	struct timespec deadline = { deadline_ms / 1000, (deadline_ms % 1000) * 1000000 };

	return pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &deadline) == 0;
}

static void close_locked(struct connection *connection)
{
	bool was_open = connection->open;

	/* In this order: a child forked in between may leak the descriptor, but never closes
	 * another's. */
	connection->open = false;
	if (was_open)
		(void)close(connection->fd);
	frame_free(&connection->frame);
}

static void give_back(struct connection *connection, bool keep)
{
	arena_reset(&connection->arena);
	frame_wipe(&connection->frame);
	(void)pthread_mutex_lock(&lock);
	if (!keep || closing)
		close_locked(connection);
	connection->busy = false;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

/* A descriptor above stderr: a program that closed its own standard ones must not write into ours.
 */
static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	(void)close(fd);
	return moved;
}

static int open_connected(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = BACKLOG_MS / 1000 };
	const char *path = wire_socket_path();
	size_t len = strlen(path);

	if (len >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, len + 1);
	int fd = open_socket();

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		library_debug("cannot connect to %s: %s", path, strerror(errno));
		(void)close(fd);
		return -1;
	}
	return fd;
}

enum connection_result connection_exchange(
	struct connection *connection, const Call *call, Reply *reply, int64_t timeout_ms)
{
	struct frame *frame = &connection->frame;
	int64_t deadline_ms = wire_now_ms() + timeout_ms;

	arena_reset(&connection->arena);
	if (!wire_encode_call(frame, call))
		return CONNECTION_TOO_LARGE;
	enum wire_result result = wire_send(connection->fd, frame, deadline_ms);

	/* It may hold a PIN, and the reply need not cover it. */
	frame_wipe(frame);
	if (result != WIRE_DONE)
		return CONNECTION_UNSENT;
	errno = 0;
	result = wire_receive_busy(connection->fd, frame, deadline_ms, connection->busy_us);
	/* A Unix socket that is closed with our call still unread in it answers exactly this error.
	 */
	if (result == WIRE_BROKEN && errno == ECONNRESET)
		return CONNECTION_UNSENT;
	if (result == WIRE_DONE &&
		wire_decode_reply(bytes_of(frame->data, frame->len), &connection->arena, reply))
		return reply->rv == WIRE_ELSEWHERE ? CONNECTION_UNSENT : CONNECTION_DONE;
	library_debug("no answer to function %d: result %d", (int)call->function, (int)result);
	return CONNECTION_LOST;
}

static CK_RV say_hello(struct connection *connection, struct bytes id, CK_SLOT_ID slot,
	int64_t timeout_ms, Reply *reply)
{
	Call hello = { .function = Function_HELLO,
		.number = WIRE_VERSION,
		.object = WIRE_VERSION_OLDEST,
		.handle = slot,
		.data = id,
		.data2 = wire_abi() };

	if (connection_exchange(connection, &hello, reply, timeout_ms) != CONNECTION_DONE)
		return CKR_DEVICE_ERROR;
	if (reply->rv == CKR_DEVICE_ERROR && reply->number != 0)
		library_debug("the agent refuses this module: it speaks wire versions %u to %u, we "
			      "%d to %d; install both of one release",
			(unsigned)reply->number2, (unsigned)reply->number, WIRE_VERSION_OLDEST,
			WIRE_VERSION);
	return (CK_RV)reply->rv;
}

/* Connects a connection that the caller has made busy. */
static CK_RV open_connection(struct connection *connection)
{
	int fd = open_connected();

	if (fd < 0)
		return CKR_DEVICE_ERROR;
	arena_init(&connection->arena, WIRE_FRAME_MAX);
	connection->busy_us = 0;
	connection->trusted = trust_peer(fd);
	(void)pthread_mutex_lock(&lock);
	connection->fd = fd;
	connection->open = true;
	(void)pthread_mutex_unlock(&lock);
	return CKR_OK;
}

static CK_RV open_control(void)
{
	Reply reply;

	TRY(open_connection(&control));
	TRY(say_hello(&control, bytes_of(NULL, 0), 0, CONTROL_MS, &reply));
	if (reply.data.len != WIRE_CLIENT_ID_LEN)
		return CKR_DEVICE_ERROR;
	(void)pthread_mutex_lock(&lock);
	memcpy(client_id, reply.data.data, sizeof(client_id));
	control.peer.client = ++clients;
	if (!event_is_known)
		first_event = reply.number;
	event_is_known = true;
	(void)pthread_mutex_unlock(&lock);
	return CKR_OK;
}

/* The front sends nothing unasked, so anything to read is the end. */
static bool is_dead(const struct connection *connection)
{
	struct pollfd looked = { .fd = connection->fd, .events = POLLIN };

	return poll(&looked, 1, 0) != 0;
}

static CK_RV claim_control(void)
{
	int64_t deadline_ms = wire_now_ms() + POOL_WAIT_MS;
	bool waited = true;

	(void)pthread_mutex_lock(&lock);
	while (!closing && control.busy && waited)
		waited = wait_changed_locked(deadline_ms);
	bool claimed = !closing && !control.busy;

	if (claimed) {
		control.busy = true;
		if (control.open && is_dead(&control))
			close_locked(&control);
	}
	(void)pthread_mutex_unlock(&lock);
	return claimed ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV connection_take_control(struct connection **connection)
{
	TRY(claim_control());
	CK_RV rv = control.open ? CKR_OK : open_control();

	if (rv != CKR_OK) {
		connection_drop(&control);
		return rv;
	}
	*connection = &control;
	return CKR_OK;
}

static struct connection *find_idle_locked(CK_SLOT_ID slot)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &connections[i];

		if (!connection->open || connection->busy)
			continue;
		if (connection->peer.client != clients)
			close_locked(connection);
		else if (connection->slot == slot)
			return connection;
	}
	return NULL;
}

/* A place for a new connection, at the expense of another slot's idle one if need be. */
static struct connection *find_place_locked(void)
{
	struct connection *place = NULL;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (connections[i].busy)
			continue;
		if (!connections[i].open)
			return &connections[i];
		place = &connections[i];
	}
	if (place)
		close_locked(place);
	return place;
}

/* Makes a connection busy for the caller, or NULL; it is idle when it is open. */
static struct connection *claim(CK_SLOT_ID slot)
{
	int64_t deadline_ms = wire_now_ms() + POOL_WAIT_MS;
	struct connection *claimed = NULL;
	bool waited = true;

	(void)pthread_mutex_lock(&lock);
	while (!closing && !claimed && waited) {
		claimed = find_idle_locked(slot);
		if (!claimed)
			claimed = find_place_locked();
		if (!claimed)
			waited = wait_changed_locked(deadline_ms);
	}
	if (claimed)
		claimed->busy = true;
	(void)pthread_mutex_unlock(&lock);
	return claimed;
}

static CK_RV open_slot(struct connection *connection, CK_SLOT_ID slot)
{
	struct connection *front;
	uint8_t id[WIRE_CLIENT_ID_LEN];
	uint32_t busy_us = 0;
	Reply reply;

	TRY(connection_take_control(&front));
	memcpy(id, client_id, sizeof(id));
	connection->slot = slot;
	connection->peer.client = front->peer.client;
	connection_release(front);
	TRY(open_connection(connection));
	TRY(say_hello(connection, bytes_of(id, sizeof(id)), slot, HELLO_MS, &reply));
	connection->peer.incarnation = reply.number2;
	if (reply.data.len == sizeof(busy_us))
		memcpy(&busy_us, reply.data.data, sizeof(busy_us));
	connection->busy_us = busy_us;
	return CKR_OK;
}

CK_RV connection_take(CK_SLOT_ID slot, struct connection **connection, bool *fresh)
{
	struct connection *claimed = claim(slot);

	if (!claimed)
		return CKR_DEVICE_ERROR;
	*fresh = !claimed->open;
	if (*fresh) {
		CK_RV rv = open_slot(claimed, slot);

		if (rv != CKR_OK) {
			connection_drop(claimed);
			return rv;
		}
	}
	*connection = claimed;
	return CKR_OK;
}

uint64_t connection_first_event(void)
{
	(void)pthread_mutex_lock(&lock);
	uint64_t first = first_event;

	(void)pthread_mutex_unlock(&lock);
	return first;
}

static CK_RV claim_waiter(struct connection **waiter)
{
	CK_RV rv = CKR_HOST_MEMORY;

	(void)pthread_mutex_lock(&lock);
	for (size_t i = CONNECTIONS_MAX; i < PLACES && rv != CKR_OK && !closing; i++) {
		if (connections[i].busy)
			continue;
		connections[i].busy = true;
		*waiter = &connections[i];
		rv = CKR_OK;
	}
	(void)pthread_mutex_unlock(&lock);
	return rv;
}

/* For the front it is a client of its own, which ends with the connection. */
static CK_RV open_waiter(struct connection *waiter)
{
	Reply reply;

	TRY(open_connection(waiter));
	return say_hello(waiter, bytes_of(NULL, 0), 0, CONTROL_MS, &reply);
}

CK_RV connection_take_waiter(struct connection **connection, uint8_t id[WIRE_CLIENT_ID_LEN])
{
	struct connection *claimed;
	struct connection *front;

	TRY(connection_take_control(&front));
	memcpy(id, client_id, WIRE_CLIENT_ID_LEN);
	connection_release(front);
	TRY(claim_waiter(&claimed));
	CK_RV rv = open_waiter(claimed);

	if (rv != CKR_OK) {
		connection_drop(claimed);
		return rv;
	}
	*connection = claimed;
	return CKR_OK;
}

struct peer connection_peer(const struct connection *connection)
{
	return connection->peer;
}

bool connection_is_trusted(const struct connection *connection)
{
	return connection->trusted;
}

void connection_release(struct connection *connection)
{
	give_back(connection, true);
}

void connection_drop(struct connection *connection)
{
	give_back(connection, false);
}

void connection_open_all(void)
{
	(void)pthread_mutex_lock(&lock);
	closing = false;
	event_is_known = false;
	(void)pthread_mutex_unlock(&lock);
}

/* Closes what is idle and wakes who is waiting for an answer; true while a thread still is inside.
 */
static bool close_idle_locked(struct connection *connection)
{
	if (connection->busy && connection->open)
		(void)shutdown(connection->fd, SHUT_RDWR);
	if (!connection->busy)
		close_locked(connection);
	return connection->busy;
}

void connection_close_all(void)
{
	(void)pthread_mutex_lock(&lock);
	closing = true;
	for (;;) {
		bool busy = close_idle_locked(&control);

		for (size_t i = 0; i < PLACES; i++)
			busy = close_idle_locked(&connections[i]) || busy;
		if (!busy)
			break;
		/* A thread inside connect() has no descriptor to shut down yet: look again. */
		(void)pthread_cond_broadcast(&changed);
		(void)wait_changed_locked(wire_now_ms() + 10);
	}
	explicit_bzero(client_id, sizeof(client_id));
	(void)pthread_mutex_unlock(&lock);
}

static void forget(struct connection *connection)
{
	if (connection->open)
		(void)close(connection->fd);
	connection->open = false;
	connection->busy = false;
	/* Another thread may have been changing it: left behind rather than freed. */
	connection->frame = (struct frame){ 0 };
}

void connection_forget_all(void)
{
	static const pthread_mutex_t fresh_lock = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_cond_t fresh_cond = PTHREAD_COND_INITIALIZER;

	memcpy(&lock, &fresh_lock, sizeof(lock));
	memcpy(&changed, &fresh_cond, sizeof(changed));
	forget(&control);
	for (size_t i = 0; i < PLACES; i++)
		forget(&connections[i]);
	explicit_bzero(client_id, sizeof(client_id));
	closing = true;
}
