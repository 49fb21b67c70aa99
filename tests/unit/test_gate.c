/* SPDX-License-Identifier: Apache-2.0 */
/* Turns at a token: shared and exclusive, in order, and one owner in an SO phase. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "gate.h"
#include "wire.h"

static const int alice, bob;

static struct gate gate;

static int setup(void **state)
{
	(void)state;
	gate_init(&gate, false);
	return 0;
}

static int setup_serial(void **state)
{
	(void)state;
	gate_init(&gate, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gate_reset(&gate);
	return 0;
}

/* A deadline that has passed: whoever would have to wait is told so at once. */
static CK_RV try_enter(const void *who, enum gate_mode mode)
{
	return gate_enter(&gate, who, mode, wire_now_ms(), 1000);
}

static void shared_calls_run_side_by_side(void **state)
{
	(void)state;
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_OK);
	assert_int_equal(try_enter(&bob, GATE_SHARED), CKR_OK);
	assert_int_equal(try_enter(&bob, GATE_EXCLUSIVE), CKR_DEVICE_ERROR);
	gate_leave(&gate, &alice);
	gate_leave(&gate, &bob);
	assert_int_equal(try_enter(&bob, GATE_EXCLUSIVE), CKR_OK);
	gate_leave(&gate, &bob);
}

static void exclusive_call_keeps_all_others_out(void **state)
{
	(void)state;
	assert_int_equal(try_enter(&alice, GATE_EXCLUSIVE), CKR_OK);
	assert_int_equal(try_enter(&bob, GATE_SHARED), CKR_DEVICE_ERROR);
	gate_leave(&gate, &alice);
	assert_int_equal(try_enter(&bob, GATE_SHARED), CKR_OK);
	gate_leave(&gate, &bob);
}

static void serial_gate_admits_one_at_a_time(void **state)
{
	(void)state;
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_OK);
	assert_int_equal(try_enter(&bob, GATE_SHARED), CKR_DEVICE_ERROR);
	gate_leave(&gate, &alice);
}

static void only_the_owner_enters_an_owned_gate(void **state)
{
	(void)state;
	assert_int_equal(try_enter(&alice, GATE_EXCLUSIVE), CKR_OK);
	gate_set_owner(&gate, &alice);
	gate_leave(&gate, &alice);
	assert_int_equal(try_enter(&bob, GATE_SHARED), CKR_DEVICE_ERROR);
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_OK);
	gate_leave(&gate, &alice);
}

static void idle_owner_can_be_taken_over_but_not_a_busy_one(void **state)
{
	(void)state;
	assert_int_equal(try_enter(&alice, GATE_EXCLUSIVE), CKR_OK);
	gate_set_owner(&gate, &alice);
	assert_false(gate_take_over(&gate, &bob, 0));
	gate_leave(&gate, &alice);
	assert_int_equal(gate_enter(&gate, &bob, GATE_SHARED, wire_now_ms() + 1000, 0),
		CKR_FUNCTION_CANCELED);
	assert_true(gate_take_over(&gate, &bob, 0));
	gate_set_owner(&gate, NULL);
	gate_leave(&gate, &bob);
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_OK);
	gate_leave(&gate, &alice);
}

static void own_since(int64_t age_ms)
{
	assert_int_equal(try_enter(&alice, GATE_EXCLUSIVE), CKR_OK);
	gate_set_owner(&gate, &alice);
	gate.owner_since_ms -= age_ms;
	gate_leave(&gate, &alice);
}

static void busy_owner_has_to_go_in_the_end(void **state)
{
	int64_t soon_ms = wire_now_ms() + 10000;

	(void)state;
	own_since(GATE_OWNER_MAX_MS);
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_OK);
	assert_false(gate_take_over(&gate, &bob, 1000000));
	gate_leave(&gate, &alice);
	assert_int_equal(
		gate_enter(&gate, &bob, GATE_SHARED, soon_ms, 1000000), CKR_FUNCTION_CANCELED);
	assert_true(gate_take_over(&gate, &bob, 1000000));
	gate_set_owner(&gate, NULL);
	gate_leave(&gate, &bob);
}

static void *wait_as_bob(void *context)
{
	CK_RV *rv = context;

	*rv = gate_enter(&gate, &bob, GATE_SHARED, wire_now_ms() + 10000, 1000000);
	return NULL;
}

/* Whether bob waits is known to the gate alone. */
static bool bob_waits(void)
{
	(void)pthread_mutex_lock(&gate.lock);
	bool waits = gate.first != NULL;

	(void)pthread_mutex_unlock(&gate.lock);
	return waits;
}

static void overdue_owner_gets_no_further_call_in_while_others_wait(void **state)
{
	CK_RV rv = CKR_GENERAL_ERROR;
	pthread_t thread;

	(void)state;
	own_since(GATE_OWNER_MAX_MS);
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_OK);
	assert_int_equal(pthread_create(&thread, NULL, wait_as_bob, &rv), 0);
	while (!bob_waits())
		(void)sched_yield();
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_DEVICE_ERROR);
	gate_leave(&gate, &alice);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_FUNCTION_CANCELED);
}

static void *enter_exclusively(void *context)
{
	CK_RV *rv = context;

	*rv = gate_enter(&gate, &bob, GATE_EXCLUSIVE, wire_now_ms() + 10000, 1000);
	gate_leave(&gate, &bob);
	return NULL;
}

static void waiting_exclusive_call_enters_when_the_shared_one_leaves(void **state)
{
	CK_RV rv = CKR_GENERAL_ERROR;
	pthread_t thread;

	(void)state;
	assert_int_equal(try_enter(&alice, GATE_SHARED), CKR_OK);
	assert_int_equal(pthread_create(&thread, NULL, enter_exclusively, &rv), 0);
	gate_leave(&gate, &alice);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shared_calls_run_side_by_side, setup, teardown),
		cmocka_unit_test_setup_teardown(
			exclusive_call_keeps_all_others_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
			serial_gate_admits_one_at_a_time, setup_serial, teardown),
		cmocka_unit_test_setup_teardown(
			only_the_owner_enters_an_owned_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(
			idle_owner_can_be_taken_over_but_not_a_busy_one, setup, teardown),
		cmocka_unit_test_setup_teardown(busy_owner_has_to_go_in_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			overdue_owner_gets_no_further_call_in_while_others_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(
			waiting_exclusive_call_enters_when_the_shared_one_leaves, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
