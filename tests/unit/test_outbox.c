/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outbox.h"

static struct outbox outbox;
static int ends[2];

static int make(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends);
}

static int drop(void **state)
{
	(void)state;
	outbox_reset(&outbox);
	(void)close(ends[0]);
	return ends[1] < 0 ? 0 : close(ends[1]);
}

static bool send_number(CK_ULONG number)
{
	const struct link_message message = { .type = LINK_START, .number = number };

	return outbox_send(&outbox, ends[0], &message);
}

static CK_ULONG receive_number(void)
{
	struct link_message message;
	int fd;

	assert_true(link_receive(ends[1], &message, &fd));
	return message.number;
}

static void what_a_full_socket_does_not_take_follows_in_order(void **state)
{
	CK_ULONG sent = 0;
	(void)state;

	while (outbox.count < 10)
		assert_true(send_number(sent++));
	for (CK_ULONG i = 0; i < sent; i++) {
		assert_int_equal(receive_number(), i);
		assert_true(outbox_flush(&outbox, ends[0]));
	}

	assert_int_equal(outbox.count, 0);
}

static void queue_is_bounded(void **state)
{
	(void)state;
	while (outbox.count < OUTBOX_MAX)
		assert_true(send_number(0));

	assert_false(send_number(0));
}

static void host_that_takes_nothing_is_stuck_after_a_while(void **state)
{
	(void)state;
	assert_true(send_number(0));
	assert_false(outbox_is_stuck(&outbox, INT64_MAX));

	while (outbox.count == 0)
		assert_true(send_number(0));

	assert_false(outbox_is_stuck(&outbox, outbox.progress_ms + OUTBOX_STUCK_MS - 1));
	assert_true(outbox_is_stuck(&outbox, outbox.progress_ms + OUTBOX_STUCK_MS));
}

static void broken_link_is_told(void **state)
{
	(void)state;
	(void)close(ends[1]);
	ends[1] = -1;

	assert_false(send_number(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_a_full_socket_does_not_take_follows_in_order, make, drop),
		cmocka_unit_test_setup_teardown(queue_is_bounded, make, drop),
		cmocka_unit_test_setup_teardown(
			host_that_takes_nothing_is_stuck_after_a_while, make, drop),
		cmocka_unit_test_setup_teardown(broken_link_is_told, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
