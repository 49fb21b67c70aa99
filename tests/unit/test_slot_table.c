/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "slot_table.h"

static struct slot_table table;

static int make(void **state)
{
	(void)state;
	assert_int_equal(slot_add_backend(&table, "first"), CKR_OK);
	assert_int_equal(slot_add_backend(&table, "second"), CKR_OK);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	slot_table_reset(&table);
	return 0;
}

static bool add(size_t backend, const char *serial, CK_FLAGS flags)
{
	struct link_message token = { .type = LINK_TOKEN, .slot_info.flags = flags };

	(void)snprintf(token.serial, sizeof(token.serial), "%s", serial);
	return slot_list_add(&table, backend, &token);
}

static CK_SLOT_ID id_of(size_t backend, const char *serial)
{
	const struct slot *slot = slot_find_serial(&table, backend, serial);

	assert_non_null(slot);
	return slot->id;
}

static void ids_are_small_positive_and_the_same_in_every_run(void **state)
{
	(void)state;

	assert_true(add(0, "1234", CKF_TOKEN_PRESENT));
	slot_list_complete(&table, 0);

	assert_int_equal(id_of(0, "1234"), 0x77f6f14f);
}

static void same_serial_in_two_backends_is_two_slots(void **state)
{
	(void)state;

	assert_true(add(0, "1", 0) && add(1, "1", 0));
	slot_list_complete(&table, 0);
	slot_list_complete(&table, 1);

	assert_int_not_equal(id_of(0, "1"), id_of(1, "1"));
}

static void taken_id_gives_the_next_free_one(void **state)
{
	size_t backend = 9;
	(void)state;
	assert_true(add(0, "1", 0));
	slot_list_complete(&table, 0);
	CK_SLOT_ID id = id_of(0, "1");
	table.lists[0].items[0].serial[0] = 'x'; /* another token that hashes alike */

	assert_true(add(0, "1", 0) && add(0, "x", 0));
	slot_list_complete(&table, 0);

	assert_int_equal(id_of(0, "1"), slot_next_id(id));
	assert_int_equal(id_of(0, "x"), id);
	assert_non_null(slot_find(&table, slot_next_id(id), &backend));
	assert_int_equal(backend, 0);
}

static void next_id_never_leaves_31_bits(void **state)
{
	(void)state;

	assert_int_equal(slot_next_id(5), 6);
	assert_int_equal(slot_next_id(0x7fffffff), 1);
}

static void token_that_left_keeps_its_id_unlisted(void **state)
{
	(void)state;
	assert_true(add(0, "1", CKF_TOKEN_PRESENT) && add(0, "2", CKF_TOKEN_PRESENT));
	slot_list_complete(&table, 0);
	CK_SLOT_ID id = id_of(0, "1");

	assert_true(add(0, "2", CKF_TOKEN_PRESENT));
	slot_list_complete(&table, 0);

	assert_int_equal(id_of(0, "1"), id);
	assert_false(slot_find_serial(&table, 0, "1")->listed);
	assert_int_equal(slot_find_serial(&table, 0, "1")->info.flags & CKF_TOKEN_PRESENT, 0);
	assert_string_equal(table.lists[0].items[0].serial, "2");
}

static void removable_token_that_left_stays_listed(void **state)
{
	(void)state;
	assert_true(add(0, "1", CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE));
	slot_list_complete(&table, 0);

	slot_list_complete(&table, 0);

	assert_true(slot_find_serial(&table, 0, "1")->listed);
	assert_int_equal(slot_find_serial(&table, 0, "1")->info.flags & CKF_TOKEN_PRESENT, 0);
}

static void order_is_the_backends(void **state)
{
	(void)state;
	assert_true(add(0, "b", 0) && add(0, "a", 0));
	slot_list_complete(&table, 0);

	assert_true(add(0, "a", 0) && add(0, "c", 0) && add(0, "b", 0));
	slot_list_complete(&table, 0);

	assert_string_equal(table.lists[0].items[0].serial, "a");
	assert_string_equal(table.lists[0].items[1].serial, "c");
	assert_string_equal(table.lists[0].items[2].serial, "b");
}

static void more_than_256_tokens_are_refused(void **state)
{
	char serial[8];
	(void)state;
	for (int i = 0; i < SLOT_TOKENS_MAX; i++) {
		(void)snprintf(serial, sizeof(serial), "%d", i);
		assert_true(add(0, serial, 0));
	}

	assert_false(add(0, "one more", 0));
}

static void serials_without_end_of_new_ones_stay_bounded(void **state)
{
	char serial[8];
	(void)state;

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(serial, sizeof(serial), "%d", i);
		assert_true(add(0, serial, 0));
		slot_list_complete(&table, 0);
	}

	assert_int_equal(table.lists[0].count, SLOT_TOKENS_MAX);
	assert_string_equal(table.lists[0].items[0].serial, "999");
}

static void abandoned_list_changes_nothing(void **state)
{
	(void)state;
	assert_true(add(0, "1", 0));
	slot_list_complete(&table, 0);

	assert_true(add(0, "2", 0));
	slot_list_abandon(&table, 0);
	assert_true(add(0, "1", 0));
	slot_list_complete(&table, 0);

	assert_int_equal(table.lists[0].count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			ids_are_small_positive_and_the_same_in_every_run, make, drop),
		cmocka_unit_test_setup_teardown(
			same_serial_in_two_backends_is_two_slots, make, drop),
		cmocka_unit_test_setup_teardown(taken_id_gives_the_next_free_one, make, drop),
		cmocka_unit_test(next_id_never_leaves_31_bits),
		cmocka_unit_test_setup_teardown(token_that_left_keeps_its_id_unlisted, make, drop),
		cmocka_unit_test_setup_teardown(removable_token_that_left_stays_listed, make, drop),
		cmocka_unit_test_setup_teardown(order_is_the_backends, make, drop),
		cmocka_unit_test_setup_teardown(more_than_256_tokens_are_refused, make, drop),
		cmocka_unit_test_setup_teardown(
			serials_without_end_of_new_ones_stay_bounded, make, drop),
		cmocka_unit_test_setup_teardown(abandoned_list_changes_nothing, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
