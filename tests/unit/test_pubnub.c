/* SPDX-License-Identifier: Apache-2.0 */
/* PubNub's URLs and replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "pubnub.h"

static const struct pubnub_keys keys = { "https://ps.example", "pub-c-1", "sub-c-2", "me" };

/* What the reply's messages were. */
struct taken {
	size_t count;
	struct pubnub_message last;
};

static void take(void *context, struct pubnub_message *message)
{
	struct taken *taken = context;

	taken->count++;
	taken->last = *message;
	taken->last.payload = NULL;
}

static bool parse(
	const char *text, struct pubnub_cursor *cursor, struct taken *taken, size_t *dropped)
{
	*taken = (struct taken){ 0 };
	*cursor = (struct pubnub_cursor){ 0 };
	return pubnub_parse_subscribe(bytes_of_text(text), cursor, take, taken, dropped);
}

static void assert_begins(char *url, const char *begin)
{
	assert_non_null(url);
	if (strncmp(url, begin, strlen(begin)) != 0)
		fail_msg("%s does not begin with %s", url, begin);
	free(url);
}

static void handshake_has_no_cursor(void **unused)
{
	struct pubnub_channels channels = { 0 };
	struct pubnub_cursor cursor = { 0 };

	(void)unused;
	assert_true(pubnub_channels_add(&channels, "b c"));
	assert_true(pubnub_channels_add(&channels, "a!"));
	assert_true(pubnub_channels_add(&channels, "b c"));
	assert_begins(pubnub_subscribe_url(&keys, &channels, &cursor),
		"https://ps.example/v2/subscribe/sub-c-2/a%21,b%20c/"
		"0?heartbeat=300&uuid=me&requestid=");
}

static void poll_carries_timetoken_and_region(void **unused)
{
	struct pubnub_channels channels = { 0 };
	struct pubnub_cursor cursor = { "17000000000000000", 12 };

	(void)unused;
	assert_begins(pubnub_subscribe_url(&keys, &channels, &cursor),
		"https://ps.example/v2/subscribe/sub-c-2/,/0"
		"?heartbeat=300&tt=17000000000000000&tr=12&uuid=me");
}

static void publish_escapes_all_but_unreserved(void **unused)
{
	(void)unused;
	assert_begins(pubnub_publish_url(&keys, "ch", "{\"a\":\"x\\n+/='()*!~\"}"),
		"https://ps.example/publish/pub-c-1/sub-c-2/0/ch/0/"
		"%7B%22a%22%3A%22x%5Cn%2B%2F%3D%27%28%29%2A%21%7E%22%7D?uuid=me&requestid=");
}

static void message_is_taken_with_its_envelope(void **unused)
{
	struct pubnub_cursor cursor;
	struct taken taken;
	size_t dropped;

	(void)unused;
	bool good = parse(
		"{\"t\":{\"t\":\"17000000000000010\",\"r\":12},\"m\":[{\"a\":\"1\",\"f\":0,"
		"\"i\":\"you\",\"p\":{\"t\":\"17000000000000009\",\"r\":12},\"k\":\"sub-c-2\","
		"\"c\":\"ch\",\"d\":{\"x\":1}}]}",
		&cursor, &taken, &dropped);

	assert_true(good);
	assert_string_equal(cursor.timetoken, "17000000000000010");
	assert_int_equal(cursor.region, 12);
	assert_int_equal(taken.count, 1);
	assert_string_equal(taken.last.publisher, "you");
	assert_string_equal(taken.last.channel, "ch");
	assert_true(taken.last.published == 17000000000000009);
	assert_int_equal(dropped, 0);
}

static void bad_messages_hide_no_good_one(void **unused)
{
	struct pubnub_cursor cursor;
	struct taken taken;
	size_t dropped;

	(void)unused;
	bool good =
		parse("{\"m\":[null,7,\"x\",[],{},{\"i\":\"a\",\"c\":\"ch\"},"
		      "{\"i\":\"a\",\"i\":\"b\",\"c\":\"ch\",\"d\":1},"
		      "{\"i\":\"a\",\"c\":\"ch\",\"e\":1,\"d\":1},"
		      "{\"i\":\"\",\"c\":\"ch\",\"d\":1},"
		      "{\"i\":\"a\",\"c\":\"ch\",\"d\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]},"
		      "{\"i\":\"good\",\"c\":\"ch\",\"e\":0,\"d\":null}],"
		      "\"t\":{\"t\":\"17\",\"r\":1}}",
			&cursor, &taken, &dropped);

	assert_true(good);
	assert_int_equal(taken.count, 1);
	assert_string_equal(taken.last.publisher, "good");
	assert_int_equal(dropped, 10);
}

static void replies_of_another_form_move_no_cursor(void **unused)
{
	static const char *const texts[] = { "", "null", "[]", "{}", "{\"t\":{\"t\":\"1\"}}",
		"{\"m\":[]}", "{\"t\":{\"t\":\"x\"},\"m\":[]}", "{\"t\":{\"t\":\"1\"},\"m\":[]",
		"<html></html>", "{\"t\":{\"t\":\"1234567890123456789\"},\"m\":[]}" };

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct pubnub_cursor cursor;
		struct taken taken;
		size_t dropped;

		if (parse(texts[i], &cursor, &taken, &dropped))
			fail_msg("accepted: %s", texts[i]);
		assert_string_equal(cursor.timetoken, "");
	}
}

static void reply_of_pubnub_is_told_from_a_page(void **unused)
{
	static const char *const pages[] = { "", "<html></html>", "[]", "{}", "{\"m\":[]}",
		"{\"t\":7}", "{\"message\":\"Forbidden\",\"error\":true,\"status\":403}" };

	(void)unused;
	assert_true(pubnub_has_cursor(
		bytes_of_text("{\"t\":{\"t\":\"17000000000000030\",\"r\":1},\"m\":{{")));
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_false(pubnub_has_cursor(bytes_of_text(pages[i])));
}

static void publish_and_time_replies_give_the_time(void **unused)
{
	int64_t timetoken = 0;

	(void)unused;
	assert_true(pubnub_parse_publish(
		bytes_of_text("[1,\"Sent\",\"17000000000000030\"]"), &timetoken));
	assert_true(timetoken == 17000000000000030);
	assert_true(pubnub_parse_time(bytes_of_text("[17000000000000000]"), &timetoken));
	assert_true(timetoken == 17000000000000000);
	assert_false(pubnub_parse_publish(
		bytes_of_text("[0,\"Message Too Large\",\"17000000000000030\"]"), &timetoken));
	assert_false(pubnub_parse_time(bytes_of_text("[-5]"), &timetoken));
	assert_false(pubnub_parse_time(bytes_of_text("{}"), &timetoken));
}

static void names_are_bounded(void **unused)
{
	char name[PUBNUB_NAME_MAX + 2];

	(void)unused;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_false(pubnub_is_name(name));
	name[PUBNUB_NAME_MAX] = '\0';
	assert_true(pubnub_is_name(name));
	assert_false(pubnub_is_name(""));
	assert_false(pubnub_is_name("a,b"));
	assert_false(pubnub_is_name("a\nb"));
}

static void full_channel_list_refuses_more(void **unused)
{
	struct pubnub_channels channels = { 0 };
	char name[16];

	(void)unused;
	for (int i = 0; i < PUBNUB_CHANNELS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		assert_true(pubnub_channels_add(&channels, name));
	}
	assert_true(pubnub_channels_add(&channels, "c0"));
	assert_false(pubnub_channels_add(&channels, "new"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_has_no_cursor),
		cmocka_unit_test(poll_carries_timetoken_and_region),
		cmocka_unit_test(publish_escapes_all_but_unreserved),
		cmocka_unit_test(message_is_taken_with_its_envelope),
		cmocka_unit_test(bad_messages_hide_no_good_one),
		cmocka_unit_test(replies_of_another_form_move_no_cursor),
		cmocka_unit_test(reply_of_pubnub_is_told_from_a_page),
		cmocka_unit_test(publish_and_time_replies_give_the_time),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(full_channel_list_refuses_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
