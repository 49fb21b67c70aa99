/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"

static int ends[2];

static int open_ends(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends);
}

static int close_ends(void **state)
{
	(void)state;
	(void)close(ends[0]);
	return ends[1] < 0 ? 0 : close(ends[1]);
}

/* Sends it as it is and tells how the other end judges it. */
static bool is_accepted(const struct link_message *message, size_t len)
{
	struct link_message received;
	int fd;

	assert_int_equal(send(ends[0], message, len, 0), (ssize_t)len);
	return link_receive(ends[1], &received, &fd);
}

static void message_and_descriptor_arrive_together(void **state)
{
	struct link_message message = {
		.type = LINK_CLIENT, .slot = 7, .serial = "0123456789abcdef"
	};
	struct link_message received;
	int fd = -1;
	(void)state;

	assert_true(link_send(ends[0], &message, STDERR_FILENO));

	assert_true(link_receive(ends[1], &received, &fd));
	assert_memory_equal(&received, &message, sizeof(message));
	assert_true(fd > STDERR_FILENO);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	(void)close(fd);
}

static void message_without_descriptor_says_so(void **state)
{
	struct link_message message = { .type = LINK_START };
	struct link_message received;
	int fd = 0;
	(void)state;

	assert_true(link_send(ends[0], &message, -1));

	assert_true(link_receive(ends[1], &received, &fd));
	assert_int_equal(fd, -1);
}

static void end_of_file_is_no_error(void **state)
{
	struct link_message received;
	int fd;
	(void)state;
	(void)close(ends[0]);
	ends[0] = ends[1];
	ends[1] = -1;

	errno = EINVAL;
	assert_false(link_receive(ends[0], &received, &fd));

	assert_int_equal(errno, 0);
}

static void nothing_there_is_told_from_the_end(void **state)
{
	struct link_message received;
	int fd;
	(void)state;

	assert_false(link_receive(ends[1], &received, &fd));

	assert_int_equal(errno, EAGAIN);
}

static void short_and_long_messages_are_refused(void **state)
{
	struct link_message message[2] = { { .type = LINK_START } };
	(void)state;

	assert_false(is_accepted(message, sizeof(message[0]) - 1));
	assert_int_equal(errno, EBADMSG);
	assert_false(is_accepted(message, sizeof(message[0]) + 1));
}

static void list_of_mechanisms_stays_inside_its_room(void **state)
{
	struct link_message message = { .type = LINK_CLIENT };
	(void)state;

	message.mechanisms.count = LINK_MECHANISMS_ALL;
	assert_true(is_accepted(&message, sizeof(message)));
	message.mechanisms.count = LINK_MECHANISMS_MAX;
	assert_true(is_accepted(&message, sizeof(message)));
	message.mechanisms.count = LINK_MECHANISMS_MAX + 1;
	assert_false(is_accepted(&message, sizeof(message)));
	message.mechanisms.count = LINK_MECHANISMS_ALL - 1;
	assert_false(is_accepted(&message, sizeof(message)));
}

static void unknown_types_are_refused(void **state)
{
	struct link_message message = { .type = LINK_MOVED };
	(void)state;

	assert_true(is_accepted(&message, sizeof(message)));
	message.type = (enum link_type)(LINK_MOVED + 1);
	assert_false(is_accepted(&message, sizeof(message)));
	message.type = (enum link_type)0;
	assert_false(is_accepted(&message, sizeof(message)));
}

static void text_without_end_is_refused(void **state)
{
	struct link_message message = { .type = LINK_TOKEN };
	(void)state;

	memset(message.serial, 'x', sizeof(message.serial));
	assert_false(is_accepted(&message, sizeof(message)));
	memset(message.serial, 0, sizeof(message.serial));
	memset(message.label, 'x', sizeof(message.label));
	assert_false(is_accepted(&message, sizeof(message)));
	memset(message.label, 0, sizeof(message.label));
	memset(message.text, 'x', sizeof(message.text));
	assert_false(is_accepted(&message, sizeof(message)));
	memset(message.text, 0, sizeof(message.text));
	memset(message.backend, 'x', sizeof(message.backend));
	assert_false(is_accepted(&message, sizeof(message)));
}

static void impossible_secrets_are_refused(void **state)
{
	struct link_message message = { .type = LINK_PIN };
	uint8_t odd = 0x80;
	(void)state;

	message.secret.len = SECRET_MAX + 1;
	assert_false(is_accepted(&message, sizeof(message)));
	message.secret.len = SECRET_MAX;
	assert_true(is_accepted(&message, sizeof(message)));
	memcpy(&message.secret.present, &odd, sizeof(odd));
	assert_false(is_accepted(&message, sizeof(message)));
}

static void several_descriptors_are_closed_and_refused(void **state)
{
	struct link_message message = { .type = LINK_CLIENT };
	struct link_message received;
	struct iovec whole = { &message, sizeof(message) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr header = { .msg_iov = &whole,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	int fds[2] = { STDIN_FILENO, STDERR_FILENO };
	int lowest = dup(STDERR_FILENO);
	int fd;
	(void)state;
	(void)close(lowest);
	control.header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds))
	};
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	assert_int_equal(sendmsg(ends[0], &header, 0), (ssize_t)sizeof(message));

	assert_false(link_receive(ends[1], &received, &fd));

	assert_int_equal(fd, -1);
	fd = dup(STDERR_FILENO);
	assert_int_equal(fd, lowest);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			message_and_descriptor_arrive_together, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(
			message_without_descriptor_says_so, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(end_of_file_is_no_error, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(
			nothing_there_is_told_from_the_end, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(
			short_and_long_messages_are_refused, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(
			list_of_mechanisms_stays_inside_its_room, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(unknown_types_are_refused, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(text_without_end_is_refused, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(
			impossible_secrets_are_refused, open_ends, close_ends),
		cmocka_unit_test_setup_teardown(
			several_descriptors_are_closed_and_refused, open_ends, close_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
