/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between front door and token host: sent whole, and checked field by field on arrival. */
#include "link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINK_DESCRIPTORS_MAX = 4 }; /* more than one is refused, but has to be closed first */

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(LINK_DESCRIPTORS_MAX * sizeof(int))];
};

static void attach(struct msghdr *header, union control *control, int fd)
{
	memset(control, 0, sizeof(*control));
	header->msg_control = control->space;
	header->msg_controllen = CMSG_SPACE(sizeof(fd));
	struct cmsghdr *part = CMSG_FIRSTHDR(header);

	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(part), &fd, sizeof(fd));
}

bool link_send(int link, const struct link_message *message, int fd)
{
	struct iovec whole = { (void *)(uintptr_t)message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &whole, .msg_iovlen = 1 };
	union control control;
	ssize_t sent;

	if (fd >= 0)
		attach(&header, &control, fd);
	do {
		sent = sendmsg(link, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)sizeof(*message);
}

/* The first descriptor that came; true unless there were more, which are closed all. */
static bool detach(struct msghdr *header, int *fd)
{
	int fds[LINK_DESCRIPTORS_MAX];
	size_t count = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(fds[0]);
		memcpy(fds, CMSG_DATA(part), count * sizeof(fds[0]));
	}
	*fd = count == 1 ? fds[0] : -1;
	for (size_t i = 0; count > 1 && i < count; i++)
		(void)close(fds[i]);
	return count <= 1;
}

static bool text_ends(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

/* The byte of a bool is looked at before it is used as one: the other side is hostile. */
static bool secret_is_sound(const struct secret *secret)
{
	uint8_t present;

	memcpy(&present, &secret->present, sizeof(present));
	return present <= 1 && secret->len <= sizeof(secret->data);
}

static bool type_is_known(const struct link_message *message)
{
	int type;

	memcpy(&type, &message->type, sizeof(type));
	return type >= LINK_CONFIG && type <= LINK_MOVED;
}

static bool mechanisms_are_sound(const struct link_mechanisms *mechanisms)
{
	return mechanisms->count >= LINK_MECHANISMS_ALL && mechanisms->count <= LINK_MECHANISMS_MAX;
}

static bool message_is_sound(const struct link_message *message)
{
	return type_is_known(message) && secret_is_sound(&message->secret) &&
	       mechanisms_are_sound(&message->mechanisms) &&
	       text_ends(message->backend, sizeof(message->backend)) &&
	       text_ends(message->serial, sizeof(message->serial)) &&
	       text_ends(message->label, sizeof(message->label)) &&
	       text_ends(message->text, sizeof(message->text));
}

bool link_receive(int link, struct link_message *message, int *fd)
{
	struct iovec whole = { message, sizeof(*message) };
	union control control;
	struct msghdr header = { .msg_iov = &whole,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	ssize_t got;

	*fd = -1;
	do {
		got = recvmsg(link, &header, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return false;
	bool single = detach(&header, fd);

	/* MSG_CTRUNC with none at all: this process has no descriptor left, the message is sound.
	 */
	if (single && got == (ssize_t)sizeof(*message) && !(header.msg_flags & MSG_TRUNC) &&
		(*fd < 0 || !(header.msg_flags & MSG_CTRUNC)) && message_is_sound(message))
		return true;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	explicit_bzero(message, sizeof(*message));
	errno = got == 0 ? 0 : EBADMSG;
	return false;
}
