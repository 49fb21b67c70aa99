/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "throttle.h"

static struct throttle throttle;

static int make(void **state)
{
	(void)state;
	throttle_init(&throttle);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	throttle_reset(&throttle);
	return 0;
}

static unsigned say_often(uint32_t user, unsigned times, int64_t now_ms)
{
	unsigned long kept_back = 0;
	unsigned said = 0;

	for (unsigned i = 0; i < times; i++)
		said += throttle_admit(&throttle, user, now_ms, &kept_back);
	return said;
}

static void flood_is_cut_off(void **state)
{
	(void)state;

	assert_int_equal(say_often(1, 1000, 5), THROTTLE_BURST);
}

static void other_users_are_heard_beside_a_flood(void **state)
{
	(void)state;
	(void)say_often(1, 1000, 5);

	assert_int_equal(say_often(2, 1, 5), 1);
}

static void next_window_tells_what_was_kept_back(void **state)
{
	unsigned long kept_back = 0;
	(void)state;
	(void)say_often(1, THROTTLE_BURST + 7, 5);

	assert_true(throttle_admit(&throttle, 1, 5 + THROTTLE_WINDOW_MS, &kept_back));
	assert_int_equal(kept_back, 7);
	assert_true(throttle_admit(&throttle, 1, 5 + THROTTLE_WINDOW_MS, &kept_back));
	assert_int_equal(kept_back, 0);
}

static void more_users_than_entries_are_heard(void **state)
{
	(void)state;

	for (uint32_t user = 0; user < 3 * THROTTLE_USERS_MAX; user++)
		assert_int_equal(say_often(user, 1, 5 + user), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flood_is_cut_off, make, drop),
		cmocka_unit_test_setup_teardown(other_users_are_heard_beside_a_flood, make, drop),
		cmocka_unit_test_setup_teardown(next_window_tells_what_was_kept_back, make, drop),
		cmocka_unit_test_setup_teardown(more_users_than_entries_are_heard, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
