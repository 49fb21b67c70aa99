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

enum {
	FRAME_FIRST_BYTES = 4096,
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
	*frame = (struct frame){ 0 };
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

/* Keeps the first len bytes, which realloc() would leave behind unwiped. */
static bool frame_grow(struct frame *frame, size_t capacity)
{
	if (capacity <= frame->capacity)
		return true;
	uint8_t *data = malloc(capacity);
	size_t len = frame->len;

	if (!data)
		return false;
	if (len > 0)
		memcpy(data, frame->data, len);
	frame_free(frame);
	*frame = (struct frame){ data, len, capacity };
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

/* WIRE_DONE with *got bytes in the parts, at least one. */
static enum wire_result receive_some(
	int fd, struct iovec *parts, size_t count, int64_t deadline_ms, size_t *got)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };

	/* Poll first: a blocked recvmsg is also woken when the peer takes our own request. */
	for (;;) {
		enum wire_result waited = wait_for(fd, POLLIN, deadline_ms);

		if (waited != WIRE_DONE)
			return waited;
		ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT);

		if (received > 0) {
			*got = (size_t)received;
			return WIRE_DONE;
		}
		if (received == 0)
			return WIRE_CLOSED;
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return WIRE_BROKEN;
	}
}

/* The rest of a payload; its end of file is half a frame. */
static enum wire_result receive_rest(int fd, struct frame *frame, size_t len, int64_t deadline_ms)
{
	while (frame->len < len) {
		struct iovec rest = { frame->data + frame->len, len - frame->len };
		size_t got = 0;
		enum wire_result result = receive_some(fd, &rest, 1, deadline_ms, &got);

		if (result != WIRE_DONE)
			return result == WIRE_CLOSED ? WIRE_BROKEN : result;
		frame->len += got;
	}
	return WIRE_DONE;
}

enum wire_result wire_receive(int fd, struct frame *frame, int64_t deadline_ms)
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
		enum wire_result result = receive_some(fd, parts, 2, deadline_ms, &got);

		if (result != WIRE_DONE)
			return result == WIRE_CLOSED && header > 0 ? WIRE_BROKEN : result;
		frame->len = got > parts[0].iov_len ? got - parts[0].iov_len : 0;
		header += got - frame->len;
	}
	if (len > WIRE_FRAME_MAX || frame->len > len || !frame_grow(frame, len))
		return WIRE_BROKEN;
	return receive_rest(fd, frame, len, deadline_ms);
}

const char *wire_socket_path(void)
{
	const char *path = secure_getenv("IOTHSM_AGENT_SOCKET");

	return path && *path ? path : "/run/iothsm/agent.sock";
}
