/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tally.h"

static struct tally tally;

static int clear(void **state)
{
	(void)state;
	tally = (struct tally){ 0 };
	return 0;
}

static void keep(size_t backend, const char *serial, uid_t uid, CK_ULONG wrong, int64_t time_ms)
{
	struct link_message message = {
		.type = LINK_GUARD, .uid = uid, .number = wrong, .time_ms = time_ms
	};

	(void)strcpy(message.serial, serial);
	tally_keep(&tally, backend, &message);
}

static size_t count(size_t backend)
{
	struct link_message message;
	size_t position = 0;
	size_t found = 0;

	while (tally_next(&tally, backend, &position, &message))
		found++;
	return found;
}

static void latest_count_comes_back(void **state)
{
	struct link_message message;
	size_t position = 0;
	(void)state;
	keep(0, "a", 5, 1, 100);
	keep(0, "a", 5, 2, 100);

	assert_true(tally_next(&tally, 0, &position, &message));

	assert_int_equal(message.type, LINK_GUARD);
	assert_int_equal(message.number, 2);
	assert_int_equal(message.uid, 5);
	assert_int_equal(message.time_ms, 100);
	assert_false(tally_next(&tally, 0, &position, &message));
}

static void count_of_zero_is_forgotten(void **state)
{
	(void)state;
	keep(0, "a", 5, 1, 100);

	keep(0, "a", 5, 0, 0);

	assert_int_equal(count(0), 0);
}

static void clearing_a_token_leaves_the_others(void **state)
{
	(void)state;
	keep(0, "a", 5, 1, 100);
	keep(0, "a", 6, 1, 100);
	keep(0, "b", 5, 1, 100);
	keep(1, "a", 5, 1, 100);

	tally_clear(&tally, 0, "a");

	assert_int_equal(count(0), 1);
	assert_int_equal(count(1), 1);
}

static void oldest_gives_way_in_a_full_tally(void **state)
{
	struct link_message message;
	size_t position = 0;
	(void)state;
	for (uid_t uid = 0; uid < TALLY_MAX; uid++)
		keep(0, "a", uid, 1, uid == 77 ? 1 : 1000);

	keep(0, "a", 99999, 1, 2000);

	assert_int_equal(count(0), TALLY_MAX);
	while (tally_next(&tally, 0, &position, &message))
		assert_int_not_equal(message.uid, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(latest_count_comes_back, clear),
		cmocka_unit_test_setup(count_of_zero_is_forgotten, clear),
		cmocka_unit_test_setup(clearing_a_token_leaves_the_others, clear),
		cmocka_unit_test_setup(oldest_gives_way_in_a_full_tally, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
