/* SPDX-License-Identifier: Apache-2.0 */
/* Fault switches count requests or time, and take only words that go together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"

static bool set(
	struct faults *faults, const char *place, const char *kind, unsigned count, unsigned for_ms)
{
	const struct standin_fault wanted = { place, kind, count, for_ms };

	return fault_set(faults, &wanted);
}

static void counted_fault_ends_after_its_requests(void **state)
{
	struct faults faults;

	(void)state;
	faults_init(&faults);
	assert_true(set(&faults, "publish", "503", 2, 700));
	assert_int_equal(fault_take(&faults, FAULT_PUBLISH).status, 503);
	assert_int_equal(fault_take(&faults, FAULT_TIME).kind, FAULT_NONE);
	assert_int_equal(fault_take(&faults, FAULT_PUBLISH).kind, FAULT_STATUS);
	assert_int_equal(fault_take(&faults, FAULT_PUBLISH).kind, FAULT_NONE);
	assert_int_equal(fault_met(&faults, "publish"), 2);
	faults_destroy(&faults);
}

static void kinds_are_met_in_turn(void **state)
{
	struct faults faults;

	(void)state;
	faults_init(&faults);
	assert_true(set(&faults, "register", "html,reset,silence", 4, 700));
	assert_int_equal(fault_take(&faults, FAULT_REGISTER).kind, FAULT_HTML);
	assert_int_equal(fault_take(&faults, FAULT_REGISTER).kind, FAULT_RESET);
	assert_int_equal(fault_take(&faults, FAULT_REGISTER).silence_ms, 700);
	assert_int_equal(fault_take(&faults, FAULT_REGISTER).kind, FAULT_HTML);
	faults_destroy(&faults);
}

static void fault_for_a_time_meets_every_request_in_it(void **state)
{
	struct faults faults;

	(void)state;
	faults_init(&faults);
	assert_true(set(&faults, "subscribe", "silence", 0, 60000));
	for (int i = 0; i < 5; i++) {
		struct fault fault = fault_take(&faults, FAULT_SUBSCRIBE);

		assert_int_equal(fault.kind, FAULT_SILENCE);
		assert_in_range(fault.silence_ms, 1, 60000);
	}
	assert_true(set(&faults, "subscribe", "silence", 0, 0));
	assert_int_equal(fault_take(&faults, FAULT_SUBSCRIBE).kind, FAULT_NONE);
	faults_destroy(&faults);
}

static void words_that_do_not_go_together_change_nothing(void **state)
{
	static const char *const wrong[][2] = { { "nowhere", "503" }, { NULL, "503" },
		{ "publish", NULL }, { "publish", "" }, { "publish", "399" }, { "publish", "600" },
		{ "publish", "4000" }, { "publish", "503," }, { "publish", "503,unknown" },
		{ "publish", "duplicate" }, { "publish", "refuse" }, { "messages", "reset" } };
	struct faults faults;

	(void)state;
	faults_init(&faults);
	assert_true(set(&faults, "publish", "html", 1, 0));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(set(&faults, wrong[i][0], wrong[i][1], 1, 0));
	assert_int_equal(fault_take(&faults, FAULT_PUBLISH).kind, FAULT_HTML);
	faults_destroy(&faults);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counted_fault_ends_after_its_requests),
		cmocka_unit_test(kinds_are_met_in_turn),
		cmocka_unit_test(fault_for_a_time_meets_every_request_in_it),
		cmocka_unit_test(words_that_do_not_go_together_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
