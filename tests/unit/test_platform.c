/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of the platform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "platform.h"

static enum platform_outcome parse(const char *body, char **data, char reason[PLATFORM_REASON_MAX])
{
	*data = NULL;
	reason[0] = '\0';
	return platform_parse_registration(bytes_of_text(body), data, reason);
}

static void success_gives_the_data(void **unused)
{
	char reason[PLATFORM_REASON_MAX];
	char *data;

	(void)unused;
	enum platform_outcome outcome =
		parse("{\"success\":true,\"data\":\"MIME\"}", &data, reason);

	assert_int_equal(outcome, PLATFORM_REGISTERED);
	assert_string_equal(data, "MIME");
	free(data);
}

static void refusal_carries_the_platforms_words_quoted(void **unused)
{
	char reason[PLATFORM_REASON_MAX];
	char *data;

	(void)unused;
	enum platform_outcome outcome =
		parse("{\"success\":false,\"message\":\"no such CA\\n\"}", &data, reason);

	assert_int_equal(outcome, PLATFORM_REFUSED);
	assert_null(data);
	assert_non_null(strstr(reason, "no such CA\\x0a"));
}

static void every_other_reply_is_a_failure(void **unused)
{
	static const char *const bodies[] = { "", "null", "[]", "{}",
		"{\"success\":1,\"data\":\"x\"}", "{\"success\":true}",
		"{\"success\":true,\"data\":null}", "<html>", "{\"data\":\"x\"}" };

	(void)unused;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		char reason[PLATFORM_REASON_MAX];
		char *data;

		assert_int_equal(parse(bodies[i], &data, reason), PLATFORM_FAILED);
		assert_null(data);
		assert_string_not_equal(reason, "");
	}
}

static void connection_needs_all_three_names(void **unused)
{
	static const char *const refused[] = { "{}", "null",
		"{\"publishKey\":\"p\",\"subscribeKey\":\"s\",\"channel_id\":null}",
		"{\"publishKey\":\"p\",\"subscribeKey\":\"s\",\"channel_id\":\"a,b\"}",
		"{\"publishKey\":\"\",\"subscribeKey\":\"s\",\"channel_id\":\"c\"}" };
	struct platform_connection connection = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(platform_parse_connection(bytes_of_text(refused[i]), &connection));
	assert_string_equal(connection.channel, "");
	assert_true(
		platform_parse_connection(bytes_of_text("{\"publishKey\":\"p\",\"subscribeKey\":"
							"\"s\",\"channel_id\":\"c\",\"new\":1}"),
			&connection));
	assert_string_equal(connection.channel, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(success_gives_the_data),
		cmocka_unit_test(refusal_carries_the_platforms_words_quoted),
		cmocka_unit_test(every_other_reply_is_a_failure),
		cmocka_unit_test(connection_needs_all_three_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
