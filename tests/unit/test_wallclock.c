/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's time over the system's. The tests run in order: a better source is never replaced
 * by a worse one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "wallclock.h"

static const int64_t year_2033 = 2000000000;

static void system_time_holds_while_nobody_told_another(void **unused)
{
	(void)unused;
	assert_true(llabs(wallclock_now_s() - (int64_t)time(NULL)) <= 1);
	assert_int_equal(wallclock_skew_s(), 0);
}

static void date_header_corrects_the_system(void **unused)
{
	int64_t now_ms = wallclock_uptime_ms();

	(void)unused;
	wallclock_observe_date("yesterday", now_ms, now_ms);
	assert_true(llabs(wallclock_now_s() - (int64_t)time(NULL)) <= 1);
	wallclock_observe_date("Wed, 18 May 2033 03:33:20 GMT", now_ms, now_ms);
	assert_true(llabs(wallclock_now_s() - year_2033) <= 2);
	assert_true(llabs(wallclock_skew_s() - ((int64_t)time(NULL) - year_2033)) <= 2);
}

static void pubnub_wins_over_the_date_header(void **unused)
{
	int64_t now_ms = wallclock_uptime_ms();

	(void)unused;
	wallclock_observe(WALLCLOCK_PUBNUB, (year_2033 + 1000) * WALLCLOCK_SECOND, now_ms, now_ms);
	wallclock_observe(WALLCLOCK_PLATFORM, year_2033 * WALLCLOCK_SECOND, now_ms, now_ms);
	assert_true(llabs(wallclock_now_s() - year_2033 - 1000) <= 2);
}

static void slow_answers_and_nonsense_change_nothing(void **unused)
{
	int64_t now_ms = wallclock_uptime_ms();

	(void)unused;
	wallclock_observe(WALLCLOCK_PUBNUB, WALLCLOCK_SECOND, now_ms - 20000, now_ms);
	wallclock_observe(WALLCLOCK_PUBNUB, WALLCLOCK_SECOND, now_ms - 60000, now_ms);
	wallclock_observe(WALLCLOCK_PUBNUB, WALLCLOCK_SECOND, now_ms + 5, now_ms);
	wallclock_observe(WALLCLOCK_PUBNUB, -1, now_ms, now_ms);
	assert_true(llabs(wallclock_now_s() - year_2033 - 1000) <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_time_holds_while_nobody_told_another),
		cmocka_unit_test(date_header_corrects_the_system),
		cmocka_unit_test(pubnub_wins_over_the_date_header),
		cmocka_unit_test(slow_answers_and_nonsense_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
