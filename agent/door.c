/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the front door: one thread, which waits for clients, token hosts and signals. */
#include "door.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hello.h"
#include "inquiry.h"
#include "log.h"
#include "presence.h"
#include "socket_watch.h"
#include "supervise.h"
#include "uplink.h"

enum {
	DOOR_ACCEPT_BURST_MAX = 64,
	DOOR_PAUSE_MS = 100, /* without descriptors, before the next try to accept */
	DOOR_FIXED = 3,      /* polls before those of the hosts: signals, listener, its name */
	DOOR_POLL_MAX = DOOR_FIXED + 2 * SETTINGS_BACKENDS_MAX + FRONT_CALLERS_MAX
};

struct door {
	struct front *front;
	int signals;
	int64_t accept_ms; /* not before: there were no descriptors */
	bool ending;
	struct pollfd polls[DOOR_POLL_MAX];
	size_t poll_count;
};

static size_t count_of_uid(const struct front *front, uid_t uid)
{
	size_t count = 0;

	for (size_t i = 0; i < front->caller_count; i++)
		count += front->callers[i]->peer.uid == uid;
	return count;
}

/* Ten thousand of them are ten lines. */
static void log_drop(struct front *front, const struct peer *peer, int64_t now_ms)
{
	unsigned long kept_back = 0;

	if (throttle_admit(&front->refusals, peer->uid, now_ms, &kept_back))
		log_warn("agent: a connection was dropped, there are too many uid=%u pid=%d "
			 "kept_back=%lu",
			(unsigned)peer->uid, (int)peer->pid, kept_back);
}

static void admit(struct front *front, int fd, int64_t now_ms)
{
	struct caller *caller = caller_new(fd, now_ms);

	if (!caller) {
		log_warn("agent: a connection was dropped: %s", strerror(errno));
		return;
	}
	if (front->caller_count == FRONT_CALLERS_MAX ||
		count_of_uid(front, caller->peer.uid) >= FRONT_CALLERS_OF_UID_MAX) {
		log_drop(front, &caller->peer, now_ms);
		caller_free(caller);
		return;
	}
	front->callers[front->caller_count++] = caller;
}

static void accept_callers(struct door *door, int64_t now_ms)
{
	for (size_t i = 0; i < DOOR_ACCEPT_BURST_MAX; i++) {
		int fd = accept4(door->front->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(door->front, fd, now_ms);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			log_warn("agent: cannot accept a connection, raise LimitNOFILE: %s",
				strerror(errno));
			door->accept_ms = now_ms + DOOR_PAUSE_MS;
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void read_caller(struct front *front, struct caller *caller, int64_t now_ms)
{
	switch (caller_read(caller)) {
	case CALLER_MORE: return;
	case CALLER_GONE: caller->finished = true; return;
	case CALLER_FRAME: break;
	}
	if (caller->state == CALLER_HELLO)
		hello_judge(front, caller, now_ms);
	else
		inquiry_answer(front, caller, now_ms);
}

/* A waiting or held caller is not read: only its end is of interest. */
static bool is_reading(const struct caller *caller)
{
	return caller->state != CALLER_WAITING && !caller->held && !caller->sending;
}

static void attend(struct front *front, struct caller *caller, short events, int64_t now_ms)
{
	if (caller->sending && (events & POLLOUT))
		caller->finished = !caller_write(caller);
	else if (is_reading(caller) && (events & (POLLIN | POLLHUP | POLLERR)))
		read_caller(front, caller, now_ms);
	else if (events & (POLLHUP | POLLERR))
		caller->finished = true;
}

static void look_again(struct front *front, struct caller *caller, int64_t now_ms)
{
	if (caller->finished)
		return;
	if (caller->state == CALLER_WAITING)
		hello_retry(front, caller, now_ms);
	else if (caller->held)
		inquiry_answer(front, caller, now_ms);
	else if (caller->state == CALLER_HELLO && now_ms >= caller->deadline_ms)
		caller->finished = true;
}

static void say_goodbye(struct front *front, const struct caller *caller)
{
	struct link_message message = { .type = LINK_CLIENT_GONE };

	if (caller->state != CALLER_CONTROL)
		return;
	ticket_box_forget_client(&front->tickets, caller->client);
	memcpy(message.client, caller->client, sizeof(message.client));
	supervise_send_all(front, &message);
}

static void remove_finished(struct front *front)
{
	size_t kept = 0;

	for (size_t i = 0; i < front->caller_count; i++) {
		struct caller *caller = front->callers[i];

		if (!caller->finished) {
			front->callers[kept++] = caller;
			continue;
		}
		say_goodbye(front, caller);
		caller_free(caller);
	}
	front->caller_count = kept;
}

static void hear_signals(struct door *door, void (*reload)(struct front *front), int64_t now_ms)
{
	struct signalfd_siginfo signal;

	while (read(door->signals, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
		switch (signal.ssi_signo) {
		case SIGCHLD: supervise_reap(door->front, now_ms); break;
		case SIGHUP: reload(door->front); break;
		default: door->ending = true; break;
		}
	}
}

static void watch(struct door *door, int fd, short events)
{
	door->polls[door->poll_count++] = (struct pollfd){ .fd = fd, .events = events };
}

static void watch_process(struct door *door, const struct process *process)
{
	bool writing = process->outbox.count > 0 || process->blocked;

	watch(door, process->link, (short)(POLLIN | (writing ? POLLOUT : 0)));
}

static void watch_all(struct door *door, int64_t now_ms)
{
	const struct front *front = door->front;

	door->poll_count = 0;
	watch(door, door->signals, POLLIN);
	watch(door, now_ms >= door->accept_ms ? front->listener : -1, POLLIN);
	watch(door, front->watcher, POLLIN);
	for (size_t i = 0; i < front->backend_count; i++) {
		watch_process(door, &front->backends[i].host);
		watch_process(door, &front->backends[i].second);
	}
	for (size_t i = 0; i < front->caller_count; i++) {
		const struct caller *caller = front->callers[i];

		watch(door, caller->fd,
			(short)((is_reading(caller) ? POLLIN : 0) |
				(caller->sending ? POLLOUT : 0)));
	}
}

static int64_t next_due_ms(const struct door *door, int64_t now_ms)
{
	const struct front *front = door->front;
	int64_t due = supervise_due_ms(front);
	int64_t settled_ms = supervise_settled_ms(front, now_ms);

	if (door->accept_ms > now_ms && door->accept_ms < due)
		due = door->accept_ms;
	for (size_t i = 0; i < front->caller_count; i++) {
		const struct caller *caller = front->callers[i];
		bool limited = caller->state != CALLER_CONTROL || caller->held;

		if (limited && caller->deadline_ms < due)
			due = caller->deadline_ms;
		if (limited && settled_ms < due)
			due = settled_ms;
	}
	return due;
}

static int timeout_ms(int64_t due_ms, int64_t now_ms)
{
	if (due_ms <= now_ms)
		return 0;
	return due_ms - now_ms > 60 * 1000 ? 60 * 1000 : (int)(due_ms - now_ms);
}

static void serve_hosts(struct door *door)
{
	for (size_t i = 0; i < door->front->backend_count; i++) {
		bool writable = (door->polls[DOOR_FIXED + 2 * i].revents & POLLOUT) != 0;
		bool second_is_writable =
			(door->polls[DOOR_FIXED + 1 + 2 * i].revents & POLLOUT) != 0;

		supervise_flush(door->front, i, writable, second_is_writable);
		/* Always: what a host said before it answered a client is heard before that
		 * client's next call. */
		uplink_drain(door->front, i);
	}
}

static void serve_callers(struct door *door, int64_t now_ms)
{
	struct front *front = door->front;
	size_t first = DOOR_FIXED + 2 * front->backend_count;

	for (size_t i = 0; first + i < door->poll_count; i++)
		if (door->polls[first + i].revents != 0)
			attend(front, front->callers[i], door->polls[first + i].revents, now_ms);
	for (size_t i = 0; i < front->caller_count; i++)
		look_again(front, front->callers[i], now_ms);
	remove_finished(front);
	if (door->polls[1].revents != 0)
		accept_callers(door, now_ms);
	/* Last, when nobody is left in the queue of the listener that may be replaced. */
	if (door->polls[2].revents != 0)
		socket_watch_check(front);
}

CK_RV door_run(struct front *front, int signals, void (*reload)(struct front *front))
{
	static struct door door;

	door = (struct door){ .front = front, .signals = signals };
	presence_start(front);
	while (!door.ending) {
		int64_t now_ms = wire_now_ms();

		supervise_tick(front, now_ms);
		watch_all(&door, now_ms);
		if (poll(door.polls, door.poll_count,
			    timeout_ms(next_due_ms(&door, now_ms), now_ms)) < 0 &&
			errno != EINTR) {
			log_error("agent: cannot wait for clients: %s", strerror(errno));
			return CKR_GENERAL_ERROR;
		}
		now_ms = wire_now_ms();
		serve_hosts(&door);
		hear_signals(&door, reload, now_ms);
		presence_note(front, now_ms);
		serve_callers(&door, now_ms);
	}
	return CKR_OK;
}

void door_close(struct front *front)
{
	for (size_t i = 0; i < front->caller_count; i++)
		caller_free(front->callers[i]);
	front->caller_count = 0;
}
