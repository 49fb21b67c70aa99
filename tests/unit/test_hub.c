/* SPDX-License-Identifier: Apache-2.0 */
/* Channels, their bounded memory and their timetokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cleanup.h"
#include "hub.h"
#include "json.h"

static int set_up(void **state)
{
	*state = hub_new("sub-c-test");
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	hub_free(*state);
	return 0;
}

static uint64_t publish(struct hub *hub, const char *channel, int number)
{
	CLEANUP(json) json_t *payload = json_integer(number);
	uint64_t timetoken = 0;

	assert_true(hub_publish(hub, channel, "me", payload, &timetoken));
	return timetoken;
}

static json_int_t number_of(const json_t *messages, size_t index)
{
	return json_integer_value(json_object_get(json_array_get(messages, index), "d"));
}

static void timetokens_have_17_digits_and_increase_strictly(void **state)
{
	uint64_t last = hub_timetoken(*state);

	assert_in_range(last, 10000000000000000, 99999999999999999);
	for (int i = 0; i < 1000; i++) {
		uint64_t next = hub_timetoken(*state);

		assert_true(next > last);
		last = next;
	}
}

static void messages_of_several_channels_come_in_order_of_time(void **state)
{
	static char *channels[] = { (char *)(uintptr_t) "a", (char *)(uintptr_t) "b" };
	CLEANUP(json) json_t *messages = json_array();
	uint64_t cursor = hub_timetoken(*state);

	(void)publish(*state, "a", 1);
	(void)publish(*state, "b", 2);
	(void)publish(*state, "c", 99);
	uint64_t last = publish(*state, "a", 3);

	hub_collect(*state, channels, 2, &cursor, messages);
	assert_int_equal(json_array_size(messages), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(number_of(messages, i), (int)i + 1);
	assert_true(cursor == last);
}

static void catch_up_gives_the_last_hundred_and_no_more(void **state)
{
	static char *channels[] = { (char *)(uintptr_t) "a" };
	CLEANUP(json) json_t *messages = json_array();
	uint64_t cursor = hub_timetoken(*state);

	for (int i = 0; i < HUB_BUFFER_MESSAGES + 30; i++)
		(void)publish(*state, "a", i);
	hub_collect(*state, channels, 1, &cursor, messages);
	assert_int_equal(json_array_size(messages), HUB_BUFFER_MESSAGES);
	assert_int_equal(number_of(messages, 0), 30);
	CLEANUP(json) json_t *more = json_array();

	hub_collect(*state, channels, 1, &cursor, more);
	assert_int_equal(json_array_size(more), 0);
}

static void reply_is_bounded_and_the_rest_comes_with_the_next_cursor(void **state)
{
	static char *channels[] = { (char *)(uintptr_t) "a", (char *)(uintptr_t) "b" };
	CLEANUP(json) json_t *first = json_array();
	CLEANUP(json) json_t *second = json_array();
	uint64_t cursor = hub_timetoken(*state);

	for (int i = 0; i < 120; i++)
		(void)publish(*state, i % 2 ? "a" : "b", i);
	hub_collect(*state, channels, 2, &cursor, first);
	hub_collect(*state, channels, 2, &cursor, second);
	assert_int_equal(json_array_size(first), 100);
	assert_int_equal(json_array_size(second), 20);
	assert_int_equal(number_of(second, 0), 100);
}

static void envelope_has_publisher_channel_and_key_but_no_e(void **state)
{
	static char *channels[] = { (char *)(uintptr_t) "a" };
	CLEANUP(json) json_t *messages = json_array();
	uint64_t cursor = hub_timetoken(*state);

	(void)publish(*state, "a", 1);
	hub_collect(*state, channels, 1, &cursor, messages);
	const json_t *envelope = json_array_get(messages, 0);

	assert_string_equal(json_text(envelope, "i"), "me");
	assert_string_equal(json_text(envelope, "c"), "a");
	assert_string_equal(json_text(envelope, "k"), "sub-c-test");
	assert_null(json_object_get(envelope, "e"));
	assert_int_equal(strlen(json_text(json_object_get(envelope, "p"), "t")), 17);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			timetokens_have_17_digits_and_increase_strictly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			messages_of_several_channels_come_in_order_of_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			catch_up_gives_the_last_hundred_and_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reply_is_bounded_and_the_rest_comes_with_the_next_cursor, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			envelope_has_publisher_channel_and_key_but_no_e, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
