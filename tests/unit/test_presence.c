/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "presence.h"
#include "supervise.h"

static struct settings settings;
static struct front front;
static struct peer peer;

static void list_token(const char *serial)
{
	struct link_message token = { .type = LINK_TOKEN, .slot_info.flags = CKF_TOKEN_PRESENT };

	(void)snprintf(token.serial, sizeof(token.serial), "%s", serial);
	assert_true(slot_list_add(&front.slots, 0, &token));
}

static int start(void **state)
{
	(void)state;
	front = (struct front){ .settings = &settings, .backend_count = 1 };
	front.backends[0].state = BACKEND_READY;
	peer = (struct peer){ .uid = 0, .pid = getpid() };
	assert_int_equal(slot_add_backend(&front.slots, "only"), CKR_OK);
	presence_start(&front);
	list_token("1234");
	slot_list_complete(&front.slots, 0);
	presence_note(&front, wire_now_ms());
	return 0;
}

static int stop(void **state)
{
	(void)state;
	slot_table_reset(&front.slots);
	return 0;
}

static void nothing_new_is_no_event(void **state)
{
	uint64_t before = front.events;

	(void)state;
	presence_note(&front, wire_now_ms());
	assert_int_equal(front.events, before);
	assert_null(presence_next(&front, &peer, before));
}

static void new_and_deleted_tokens_are_told_in_their_order(void **state)
{
	uint64_t before = front.events;

	(void)state;
	list_token("5678");
	slot_list_complete(&front.slots, 0);
	presence_note(&front, wire_now_ms());
	const struct slot *first = presence_next(&front, &peer, before);

	assert_non_null(first);
	assert_int_equal(front.events, before + 2);
	const struct slot *second = presence_next(&front, &peer, first->changed);

	assert_non_null(second);
	assert_string_not_equal(first->serial, second->serial);
	assert_null(presence_next(&front, &peer, second->changed));
}

static void host_that_is_away_for_a_moment_is_no_event(void **state)
{
	uint64_t before = front.events;
	int64_t now_ms = wire_now_ms();

	(void)state;
	front.backends[0].state = BACKEND_STARTING;
	front.backends[0].away_ms = now_ms;
	presence_note(&front, now_ms);
	assert_int_equal(front.events, before);
	presence_note(&front, now_ms + SUPERVISE_SETTLE_MS);
	assert_int_equal(front.events, before + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_new_is_no_event, start, stop),
		cmocka_unit_test_setup_teardown(
			new_and_deleted_tokens_are_told_in_their_order, start, stop),
		cmocka_unit_test_setup_teardown(
			host_that_is_away_for_a_moment_is_no_event, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
