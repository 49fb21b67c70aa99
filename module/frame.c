/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on a stream socket: one sendmsg out, one recvmsg in as a rule, each with a deadline. */
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "spin.h"

enum {
	FRAME_FIRST_BYTES = 4096,
	FRAME_WASTE_BYTES = 32 * 1024,
	FRAME_KEPT_BYTES = 64 * 1024 /* a larger buffer is not kept between two calls */
};

struct bytes wire_abi(void)
{
	return bytes_of_text(
		sizeof(CK_ULONG) == 8
			? (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "ulong8-le" : "ulong8-be")
			: (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "ulong4-le" : "ulong4-be"));
}

void frame_free(struct frame *frame)
{
	if (frame->data)
		explicit_bzero(frame->data, frame->len);
	free(frame->data);
	budget_give(frame->budget, frame->capacity);
	*frame = (struct frame){ .budget = frame->budget };
}

void frame_wipe(struct frame *frame)
{
	if (frame->capacity > FRAME_KEPT_BYTES) {
		frame_free(frame);
	} else if (frame->data) {
		explicit_bzero(frame->data, frame->len);
		frame->len = 0;
	}
}

/* Not by realloc(), which would leave the payload behind unwiped. */
bool frame_grow(struct frame *frame, size_t capacity)
{
	if (capacity <= frame->capacity)
		return true;
	if (!budget_take(frame->budget, capacity))
		return false;
	uint8_t *data = malloc(capacity);
	size_t len = frame->len;

	if (!data) {
		budget_give(frame->budget, capacity);
		return false;
	}
	if (len > 0)
		memcpy(data, frame->data, len);
	frame_free(frame);
	*frame = (struct frame){ data, len, capacity, frame->budget };
	return true;
}

int64_t wire_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for the socket; a deadline that has passed still looks once. */
static enum wire_result wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd waited = { .fd = fd, .events = events };
		int64_t left = deadline_ms < 0 ? -1 : deadline_ms - wire_now_ms();
		int timeout = deadline_ms < 0  ? -1
			      : left < 0       ? 0
			      : left > INT_MAX ? INT_MAX
					       : (int)left;
		int ready = poll(&waited, 1, timeout);

		if (ready > 0)
			return WIRE_DONE;
		if (ready == 0 && deadline_ms >= 0 && wire_now_ms() >= deadline_ms)
			return WIRE_TIMEOUT;
		if (ready < 0 && errno != EINTR)
			return WIRE_BROKEN;
	}
}

static void skip_sent(struct iovec parts[2], size_t sent)
{
	for (int i = 0; i < 2; i++) {
		size_t taken = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		parts[i].iov_base = (uint8_t *)parts[i].iov_base + taken;
		parts[i].iov_len -= taken;
		sent -= taken;
	}
}

enum wire_result wire_send(int fd, const struct frame *frame, int64_t deadline_ms)
{
	uint32_t len = (uint32_t)frame->len;
	struct iovec parts[2] = { { &len, sizeof(len) }, { frame->data, frame->len } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	if (frame->len > WIRE_FRAME_MAX)
		return WIRE_BROKEN;
	while (parts[0].iov_len + parts[1].iov_len > 0) {
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			skip_sent(parts, (size_t)sent);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			enum wire_result waited = wait_for(fd, POLLOUT, deadline_ms);

			if (waited != WIRE_DONE)
				return waited;
		} else if (errno != EINTR) {
			return WIRE_BROKEN;
		}
	}
	return WIRE_DONE;
}

/* Asks again and again for a while; -1 with EAGAIN when nothing came. */
static ssize_t receive_spinning(int fd, struct msghdr *message, unsigned int busy_us)
{
	struct spin spin;
	ssize_t received;

	errno = EAGAIN;
	if (!spin_begin(&spin, busy_us))
		return -1;
	do {
		received = recvmsg(fd, message, MSG_DONTWAIT);
	} while (received < 0 && errno == EAGAIN && !spin_is_over(&spin));
	spin_end();
	return received;
}

/* What a receive without data means; WIRE_TIMEOUT: nothing yet. */
static enum wire_result result_of(ssize_t received)
{
	if (received > 0)
		return WIRE_DONE;
	if (received == 0)
		return WIRE_CLOSED;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? WIRE_TIMEOUT
									 : WIRE_BROKEN;
}

/* WIRE_DONE with *got bytes in the parts, at least one. */
static enum wire_result receive_some(int fd, struct iovec *parts, size_t count, int64_t deadline_ms,
	unsigned int busy_us, size_t *got)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
	ssize_t received = receive_spinning(fd, &message, busy_us);
	enum wire_result result = result_of(received);

	/* Poll first: a blocked recvmsg is also woken when the peer takes our own request. */
	while (result == WIRE_TIMEOUT) {
		enum wire_result waited = wait_for(fd, POLLIN, deadline_ms);

		if (waited != WIRE_DONE)
			return waited;
		received = recvmsg(fd, &message, MSG_DONTWAIT);
		result = result_of(received);
	}
	*got = received > 0 ? (size_t)received : 0;
	return result;
}

/* The rest of a payload; its end of file is half a frame. */
static enum wire_result receive_rest(int fd, struct frame *frame, size_t len, int64_t deadline_ms)
{
	while (frame->len < len) {
		struct iovec rest = { frame->data + frame->len, len - frame->len };
		size_t got = 0;
		enum wire_result result = receive_some(fd, &rest, 1, deadline_ms, 0, &got);

		if (result != WIRE_DONE)
			return result == WIRE_CLOSED ? WIRE_BROKEN : result;
		frame->len += got;
	}
	return WIRE_DONE;
}

/* The rest of a payload that there is no room for, so that the next frame is found. */
static enum wire_result drop_rest(int fd, size_t left, int64_t deadline_ms)
{
	uint8_t waste[FRAME_WASTE_BYTES];
	enum wire_result result = WIRE_DONE;

	while (left > 0 && result == WIRE_DONE) {
		struct iovec room = { waste, left < sizeof(waste) ? left : sizeof(waste) };
		size_t got = 0;

		result = receive_some(fd, &room, 1, deadline_ms, 0, &got);
		left -= got;
	}
	explicit_bzero(waste, sizeof(waste));
	if (result == WIRE_DONE)
		return WIRE_NO_ROOM;
	return result == WIRE_CLOSED ? WIRE_BROKEN : result;
}

/* A frame that has begun has to end: half of one holds no thread for ever. */
static int64_t rest_deadline_ms(int64_t deadline_ms)
{
	return deadline_ms < 0 ? wire_now_ms() + WIRE_REST_MS : deadline_ms;
}

enum wire_result wire_receive(int fd, struct frame *frame, int64_t deadline_ms)
{
	return wire_receive_busy(fd, frame, deadline_ms, 0);
}

enum wire_result wire_receive_busy(
	int fd, struct frame *frame, int64_t deadline_ms, unsigned int busy_us)
{
	uint32_t len = 0;
	size_t header = 0;

	frame->len = 0;
	if (!frame_grow(frame, FRAME_FIRST_BYTES))
		return WIRE_BROKEN;
	/* One request, one reply: nothing follows a frame, so its payload may come with its length.
	 */
	while (header < sizeof(len)) {
		struct iovec parts[2] = { { (uint8_t *)&len + header, sizeof(len) - header },
			{ frame->data, frame->capacity } };
		size_t got = 0;
		enum wire_result result = receive_some(fd, parts, 2, deadline_ms, busy_us, &got);

		if (result != WIRE_DONE)
			return result == WIRE_CLOSED && header > 0 ? WIRE_BROKEN : result;
		frame->len = got > parts[0].iov_len ? got - parts[0].iov_len : 0;
		header += got - frame->len;
		if (header < sizeof(len))
			deadline_ms = rest_deadline_ms(deadline_ms);
	}
	if (len > WIRE_FRAME_MAX || frame->len > len)
		return WIRE_BROKEN;
	if (!frame_grow(frame, len))
		return drop_rest(fd, len - frame->len, rest_deadline_ms(deadline_ms));
	if (frame->len == len)
		return WIRE_DONE;
	return receive_rest(fd, frame, len, rest_deadline_ms(deadline_ms));
}

const char *wire_socket_path(void)
{
	const char *path = secure_getenv("IOTHSM_AGENT_SOCKET");

	return path && *path ? path : "/run/iothsm/agent.sock";
}
