/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lookout.h"
#include "support/directory.h"

static struct lookout lookout;

/* inotify reports at once what this process did itself: nothing has to be waited for. */
static bool hears(int64_t now_ms)
{
	lookout_hear(&lookout, now_ms);
	return lookout_due_ms(&lookout) != INT64_MAX;
}

static int open_lookout(void **state)
{
	(void)directory_setup(state);
	assert_int_equal(mkdir(directory_file(*state, "token"), 0700), 0);
	lookout_init(&lookout);
	assert_true(lookout_open(&lookout, ((struct directory *)*state)->path));
	return 0;
}

static int close_lookout(void **state)
{
	lookout_close(&lookout);
	return directory_teardown(state);
}

static void silence_is_nothing(void **state)
{
	(void)state;
	assert_false(hears(1000));
	assert_false(lookout_report(&lookout, 1000 * 1000));
}

static void new_directory_is_reported_when_it_is_quiet(void **state)
{
	assert_int_equal(mkdir(directory_file(*state, "other"), 0700), 0);
	assert_true(hears(1000));

	assert_false(lookout_report(&lookout, 1000 + LOOKOUT_QUIET_MS - 1));
	assert_true(lookout_report(&lookout, 1000 + LOOKOUT_QUIET_MS));
	assert_false(lookout_report(&lookout, 1000 + 2 * LOOKOUT_QUIET_MS));
}

static void changes_without_end_are_reported_all_the_same(void **state)
{
	int64_t now_ms = 1000;

	for (int i = 0; now_ms < 1000 + LOOKOUT_LATEST_MS; i++, now_ms += LOOKOUT_QUIET_MS / 2) {
		char name[16];

		assert_false(lookout_report(&lookout, now_ms));
		(void)snprintf(name, sizeof(name), "token%d", i);
		assert_int_equal(mkdir(directory_file(*state, name), 0700), 0);
		assert_true(hears(now_ms));
	}

	assert_true(lookout_report(&lookout, now_ms));
}

static void deleted_directory_is_a_change(void **state)
{
	assert_int_equal(rmdir(directory_file(*state, "token")), 0);
	assert_true(hears(1000));
}

static void changed_token_is_a_change(void **state)
{
	(void)directory_write(*state, "token/token.object", "x");
	assert_true(hears(1000));
}

static void changed_token_of_a_new_directory_is_a_change(void **state)
{
	assert_int_equal(mkdir(directory_file(*state, "other"), 0700), 0);
	assert_true(hears(1000));
	assert_true(lookout_report(&lookout, 1000 + LOOKOUT_QUIET_MS));

	(void)directory_write(*state, "other/token.object", "x");
	assert_true(hears(2000));
}

static void new_key_is_none(void **state)
{
	(void)directory_write(*state, "token/key.object", "x");
	assert_false(hears(1000));
}

static void directory_that_is_not_there_cannot_be_watched(void **state)
{
	assert_false(lookout_open(&lookout, directory_file(*state, "none")));
	assert_int_equal(lookout.fd, -1);
}

#define LOOKOUT_TEST(name) cmocka_unit_test_setup_teardown(name, open_lookout, close_lookout)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOKOUT_TEST(silence_is_nothing),
		LOOKOUT_TEST(new_directory_is_reported_when_it_is_quiet),
		LOOKOUT_TEST(changes_without_end_are_reported_all_the_same),
		LOOKOUT_TEST(deleted_directory_is_a_change),
		LOOKOUT_TEST(changed_token_is_a_change),
		LOOKOUT_TEST(changed_token_of_a_new_directory_is_a_change),
		LOOKOUT_TEST(new_key_is_none),
		LOOKOUT_TEST(directory_that_is_not_there_cannot_be_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
