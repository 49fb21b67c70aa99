/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spin.h"
#include "wire.h"

static bool has_two_cores(void)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	return CPU_COUNT(&set) > 1;
}

static void test_nobody_spins_for_no_time(void **state)
{
	struct spin spin;

	(void)state;
	assert_false(spin_begin(&spin, 0));
}

static void test_one_waiter_spins_and_only_where_a_core_is_to_spare(void **state)
{
	struct spin first;
	struct spin second;

	(void)state;
	assert_int_equal(spin_begin(&first, SPIN_US_MAX), has_two_cores());
	if (!has_two_cores())
		return;
	assert_false(spin_begin(&second, SPIN_US_MAX));
	spin_end();
	assert_true(spin_begin(&second, SPIN_US_MAX));
	spin_end();
}

static void test_a_spin_is_over_after_its_time_whatever_was_asked_for(void **state)
{
	struct spin spin = { 0 };

	(void)state;
	if (!spin_begin(&spin, UINT32_MAX))
		return;
	while (!spin_is_over(&spin))
		continue;
	spin_end();
}

static void test_a_child_may_spin_though_its_parent_was_spinning(void **state)
{
	struct spin spin;

	(void)state;
	if (!spin_begin(&spin, SPIN_US_MAX))
		return;
	spin_forget_parent();
	assert_true(spin_begin(&spin, SPIN_US_MAX));
	spin_end();
}

static void test_a_frame_that_is_there_is_taken_whether_the_waiter_spins_or_sleeps(void **state)
{
	static const unsigned int waits_us[] = { 0, SPIN_US_MAX };
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	for (size_t i = 0; i < ARRAY_LEN(waits_us); i++) {
		struct frame sent = { 0 };
		struct frame got = { 0 };

		assert_true(wire_encode_reply(&sent, &(Reply){ .rv = 7, .number = 1UL << 40 }));
		assert_int_equal(wire_send(ends[0], &sent, wire_now_ms() + 1000), WIRE_DONE);
		assert_int_equal(
			wire_receive_busy(ends[1], &got, wire_now_ms() + 1000, waits_us[i]),
			WIRE_DONE);
		assert_int_equal(got.len, sent.len);
		assert_memory_equal(got.data, sent.data, sent.len);
		frame_free(&sent);
		frame_free(&got);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_the_end_of_a_connection_and_a_deadline_are_seen_by_a_spinning_waiter(void **state)
{
	struct frame got = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(
		wire_receive_busy(ends[1], &got, wire_now_ms() + 2, SPIN_US_MAX), WIRE_TIMEOUT);
	(void)close(ends[0]);
	assert_int_equal(
		wire_receive_busy(ends[1], &got, wire_now_ms() + 1000, SPIN_US_MAX), WIRE_CLOSED);
	frame_free(&got);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_spins_for_no_time),
		cmocka_unit_test(test_one_waiter_spins_and_only_where_a_core_is_to_spare),
		cmocka_unit_test(test_a_spin_is_over_after_its_time_whatever_was_asked_for),
		cmocka_unit_test(test_a_child_may_spin_though_its_parent_was_spinning),
		cmocka_unit_test(
			test_a_frame_that_is_there_is_taken_whether_the_waiter_spins_or_sleeps),
		cmocka_unit_test(
			test_the_end_of_a_connection_and_a_deadline_are_seen_by_a_spinning_waiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
