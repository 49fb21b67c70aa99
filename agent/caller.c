/* SPDX-License-Identifier: Apache-2.0 */
/* One connection that the front door holds: frames in and out without ever blocking. */
#include "caller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct caller *caller_new(int fd, int64_t now_ms)
{
	struct caller *caller = calloc(1, sizeof(*caller));

	if (!caller || !peer_read(fd, &caller->peer)) {
		int failure = errno;

		free(caller);
		(void)close(fd);
		errno = failure;
		return NULL;
	}
	caller->fd = fd;
	caller->deadline_ms = now_ms + CALLER_HELLO_MS;
	return caller;
}

void caller_free(struct caller *caller)
{
	if (!caller)
		return;
	if (caller->fd >= 0)
		(void)close(caller->fd);
	frame_free(&caller->out);
	explicit_bzero(caller, sizeof(*caller));
	free(caller);
}

static size_t payload_len(const struct caller *caller)
{
	uint32_t len;

	memcpy(&len, caller->header, sizeof(len));
	return len;
}

/* 0 when nothing is there now or the connection ended; *gone tells which. */
static size_t receive_some(struct caller *caller, uint8_t *data, size_t len, bool *gone)
{
	ssize_t got;

	do {
		got = recv(caller->fd, data, len, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	*gone = got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
	return got > 0 ? (size_t)got : 0;
}

enum caller_result caller_read(struct caller *caller)
{
	bool gone = false;

	while (caller->got < sizeof(caller->header)) {
		size_t got = receive_some(caller, caller->header + caller->got,
			sizeof(caller->header) - caller->got, &gone);

		if (got == 0)
			return gone ? CALLER_GONE : CALLER_MORE;
		caller->got += got;
	}
	size_t len = payload_len(caller);

	if (len == 0 || len > CALLER_FRAME_MAX)
		return CALLER_GONE;
	while (caller->got < sizeof(caller->header) + len) {
		size_t done = caller->got - sizeof(caller->header);
		size_t got = receive_some(caller, caller->payload + done, len - done, &gone);

		if (got == 0)
			return gone ? CALLER_GONE : CALLER_MORE;
		caller->got += got;
	}
	return CALLER_FRAME;
}

struct bytes caller_frame(const struct caller *caller)
{
	return bytes_of(caller->payload, payload_len(caller));
}

void caller_next(struct caller *caller)
{
	explicit_bzero(caller->payload, sizeof(caller->payload));
	caller->got = 0;
	caller->held = false;
}

bool caller_write(struct caller *caller)
{
	uint32_t len = (uint32_t)caller->out.len;

	while (caller->sent < sizeof(len) + caller->out.len) {
		size_t head = caller->sent < sizeof(len) ? sizeof(len) - caller->sent : 0;
		size_t done = caller->sent + head - sizeof(len);
		struct iovec parts[2] = { { (uint8_t *)&len + sizeof(len) - head, head },
			{ caller->out.data + done, caller->out.len - done } };
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
		ssize_t sent = sendmsg(caller->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		caller->sent += (size_t)sent;
	}
	caller->sending = false;
	frame_wipe(&caller->out);
	return true;
}

bool caller_reply(struct caller *caller, const Reply *reply)
{
	if (!wire_encode_reply(&caller->out, reply))
		return false;
	caller->sent = 0;
	caller->sending = true;
	return caller_write(caller);
}
