/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "caller.h"

static struct caller *caller;
static int peer;

static int make(void **state)
{
	int ends[2];
	(void)state;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
		return -1;
	peer = ends[1];
	caller = caller_new(ends[0], 1000);
	return caller ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	caller_free(caller);
	return close(peer);
}

static void put(const void *data, size_t len)
{
	assert_int_equal(write(peer, data, len), (ssize_t)len);
}

static void frame_may_come_in_single_bytes(void **state)
{
	static const uint8_t frame[] = { 3, 0, 0, 0, 'a', 'b', 'c' };
	(void)state;
	for (size_t i = 0; i < sizeof(frame) - 1; i++) {
		put(&frame[i], 1);
		assert_int_equal(caller_read(caller), CALLER_MORE);
	}

	put(&frame[sizeof(frame) - 1], 1);

	assert_int_equal(caller_read(caller), CALLER_FRAME);
	assert_true(bytes_equal(caller_frame(caller), bytes_of("abc", 3)));
}

static void nothing_behind_the_frame_is_taken(void **state)
{
	char rest[8] = { 0 };
	(void)state;
	put("\1\0\0\0xrest", 9);

	assert_int_equal(caller_read(caller), CALLER_FRAME);

	assert_int_equal(read(caller->fd, rest, sizeof(rest)), 4);
	assert_string_equal(rest, "rest");
}

static void length_beyond_the_bound_ends_the_connection(void **state)
{
	(void)state;
	put("\1\x10\0\0", 4); /* 4097 */

	assert_int_equal(caller_read(caller), CALLER_GONE);
}

static void empty_frame_ends_the_connection(void **state)
{
	(void)state;
	put("\0\0\0\0", 4);

	assert_int_equal(caller_read(caller), CALLER_GONE);
}

static void end_of_file_is_told(void **state)
{
	(void)state;
	put("\4\0", 2);
	assert_int_equal(shutdown(peer, SHUT_WR), 0);

	assert_int_equal(caller_read(caller), CALLER_GONE);
}

static void long_reply_is_sent_in_parts(void **state)
{
	enum { LEN = 1024 * 1024 };
	uint8_t *data = calloc(1, LEN);
	const Reply reply = { .rv = CKR_OK, .data = bytes_of(data, LEN) };
	struct frame expected = { 0 };
	uint8_t piece[65536];
	size_t total = 0;
	(void)state;
	assert_true(wire_encode_reply(&expected, &reply));

	assert_true(caller_reply(caller, &reply));
	assert_true(caller->sending);
	while (caller->sending || total < expected.len + 4) {
		ssize_t got = read(peer, piece, sizeof(piece));

		assert_true(got > 0);
		total += (size_t)got;
		if (caller->sending)
			assert_true(caller_write(caller));
	}

	assert_int_equal(total, expected.len + 4);
	frame_free(&expected);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frame_may_come_in_single_bytes, make, drop),
		cmocka_unit_test_setup_teardown(nothing_behind_the_frame_is_taken, make, drop),
		cmocka_unit_test_setup_teardown(
			length_beyond_the_bound_ends_the_connection, make, drop),
		cmocka_unit_test_setup_teardown(empty_frame_ends_the_connection, make, drop),
		cmocka_unit_test_setup_teardown(end_of_file_is_told, make, drop),
		cmocka_unit_test_setup_teardown(long_reply_is_sent_in_parts, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
