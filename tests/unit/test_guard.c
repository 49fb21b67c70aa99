/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong PINs by uid: three in ten minutes lock that uid and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"

static struct guard guard;

static int setup(void **state)
{
	(void)state;
	guard_init(&guard);
	return 0;
}

static void count_three(uid_t uid, int64_t now_ms)
{
	for (int i = 0; i < GUARD_TRIES_MAX; i++)
		(void)guard_count_wrong(&guard, uid, now_ms + i);
}

static void third_wrong_pin_locks_the_uid_alone(void **state)
{
	(void)state;
	(void)guard_count_wrong(&guard, 1000, 1);
	(void)guard_count_wrong(&guard, 1000, 2);
	assert_false(guard_is_locked(&guard, 1000, 3));
	assert_int_equal(guard_count_wrong(&guard, 1000, 3).wrong, 3);
	assert_true(guard_is_locked(&guard, 1000, 4));
	assert_false(guard_is_locked(&guard, 1001, 4));
}

static void lock_ends_after_ten_minutes(void **state)
{
	(void)state;
	count_three(1000, 5);
	assert_true(guard_is_locked(&guard, 1000, 5 + GUARD_WINDOW_MS - 1));
	assert_false(guard_is_locked(&guard, 1000, 5 + GUARD_WINDOW_MS));
}

static void right_pin_forgets_the_wrong_ones(void **state)
{
	(void)state;
	(void)guard_count_wrong(&guard, 1000, 1);
	assert_true(guard_forget(&guard, 1000));
	assert_false(guard_forget(&guard, 1000));
	assert_int_equal(guard_count_wrong(&guard, 1000, 2).wrong, 1);
}

static void restored_entry_locks_as_before(void **state)
{
	(void)state;
	guard_restore(&guard, (struct guard_entry){ 1000, 3, 100 });
	assert_true(guard_is_locked(&guard, 1000, 200));
	guard_forget_all(&guard);
	assert_false(guard_is_locked(&guard, 1000, 200));
}

static void more_uids_than_room_still_count(void **state)
{
	(void)state;
	for (uid_t uid = 0; uid < GUARD_UIDS_MAX + 10; uid++)
		count_three(uid, (int64_t)uid * 10);
	assert_true(guard_is_locked(&guard, GUARD_UIDS_MAX + 9, 3000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(third_wrong_pin_locks_the_uid_alone, setup),
		cmocka_unit_test_setup(lock_ends_after_ten_minutes, setup),
		cmocka_unit_test_setup(right_pin_forgets_the_wrong_ones, setup),
		cmocka_unit_test_setup(restored_entry_locks_as_before, setup),
		cmocka_unit_test_setup(more_uids_than_room_still_count, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
