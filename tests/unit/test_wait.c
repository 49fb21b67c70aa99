/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mock_agent.h"
#include "support/mock_session.h"

/* An event that this process has not heard of, whatever ran before. */
static uint64_t news(void)
{
	static uint64_t number = 1000;

	return ++number;
}

static void announce(CK_SLOT_ID slot, uint64_t number)
{
	mock_answer(Function_C_WaitForSlotEvent, &(Reply){ .number = slot, .number2 = number });
}

static void event_names_its_slot(void **state)
{
	CK_SLOT_ID slot = 0;

	(void)state;
	announce(MOCK_SLOT, news());

	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_OK);

	assert_int_equal(slot, MOCK_SLOT);
}

static void event_is_told_once(void **state)
{
	uint64_t number = news();
	CK_SLOT_ID slot = 0;

	(void)state;
	announce(MOCK_SLOT, number);
	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_OK);
	announce(MOCK_SLOT + 1, number);

	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);

	assert_int_equal(slot, MOCK_SLOT);
}

static void no_event_leaves_the_slot_alone(void **state)
{
	CK_SLOT_ID slot = 99;

	(void)state;
	mock_answer(Function_C_WaitForSlotEvent, &(Reply){ .rv = CKR_NO_EVENT });

	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);

	assert_int_equal(slot, 99);
}

static void agent_that_goes_away_is_no_event(void **state)
{
	CK_SLOT_ID slot = 0;

	(void)state;
	mock_lose_answer(Function_C_WaitForSlotEvent);
	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
	announce(MOCK_SLOT, news());

	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_OK);
}

static void waiting_has_a_connection_of_its_own(void **state)
{
	unsigned int before = mock_connections();
	CK_SLOT_ID slot = 0;

	(void)state;
	announce(MOCK_SLOT, news());

	assert_int_equal(C_WaitForSlotEvent(0, &slot, NULL), CKR_OK);

	assert_int_equal(slot, MOCK_SLOT);
	assert_int_equal(mock_connections() - before, 1);
}

static void waiting_outlives_the_agent(void **state)
{
	CK_SLOT_ID slot = 0;

	(void)state;
	announce(MOCK_SLOT, news());
	mock_lose_answer(Function_C_WaitForSlotEvent);

	assert_int_equal(C_WaitForSlotEvent(0, &slot, NULL), CKR_OK);

	assert_int_equal(slot, MOCK_SLOT);
	assert_int_equal(mock_count(Function_C_WaitForSlotEvent), 2);
}

static void wrong_arguments_are_refused_without_a_call(void **state)
{
	CK_SLOT_ID slot = 0;

	(void)state;

	assert_int_equal(C_WaitForSlotEvent(0, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_WaitForSlotEvent(0, &slot, &slot), CKR_ARGUMENTS_BAD);

	assert_int_equal(mock_count(Function_C_WaitForSlotEvent), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, mock_session_setup, mock_session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(event_names_its_slot),
		TEST(event_is_told_once),
		TEST(no_event_leaves_the_slot_alone),
		TEST(agent_that_goes_away_is_no_event),
		TEST(waiting_has_a_connection_of_its_own),
		TEST(waiting_outlives_the_agent),
		TEST(wrong_arguments_are_refused_without_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
