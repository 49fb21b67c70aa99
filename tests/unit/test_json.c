/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside is bounded in size and depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cleanup.h"
#include "json.h"

static bool parses(const char *text)
{
	CLEANUP(json) json_t *value = json_parse(bytes_of_text(text));

	return value != NULL;
}

static void any_value_may_stand_at_the_top(void **state)
{
	static const char *const good[] = { "null", "1", "\"x\"", "[]", "{}", " {\"a\":[1,2]}\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(parses(good[i]));
}

static void malformed_text_is_refused(void **state)
{
	static const char *const wrong[] = { "", "{", "{\"a\":1,\"a\":2}", "[1,]", "nul", "{}x",
		"\"\xff\"", "\"\\u0000\"", "\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(parses(wrong[i]));
}

static void depth_of_sixteen_passes_and_seventeen_is_refused(void **state)
{
	(void)state;
	assert_true(parses("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"));
	assert_false(parses("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"));
}

static void brackets_inside_text_do_not_count_as_depth(void **state)
{
	(void)state;
	assert_true(parses("[\"[[[[[[[[[[[[[[[[[[[[\", \"\\\"[[[[[[[[[[[[[[[[[[\"]"));
}

static void text_beyond_the_bound_is_refused(void **state)
{
	size_t len = JSON_TEXT_MAX + 1;
	CLEANUP(free) char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', len);
	text[0] = '1';
	CLEANUP(json) json_t *at_bound = json_parse(bytes_of(text, len - 1));
	CLEANUP(json) json_t *beyond = json_parse(bytes_of(text, len));
	CLEANUP(json) json_t *wider = json_parse_bounded(bytes_of(text, len), len);

	assert_non_null(at_bound);
	assert_null(beyond);
	assert_non_null(wider);
}

static void member_of_another_type_is_no_text(void **state)
{
	CLEANUP(json)
	json_t *object = json_parse(bytes_of_text("{\"a\":\"x\",\"b\":1,\"c\":null}"));

	(void)state;
	assert_string_equal(json_text(object, "a"), "x");
	assert_null(json_text(object, "b"));
	assert_null(json_text(object, "c"));
	assert_null(json_text(object, "d"));
	assert_null(json_text(NULL, "a"));
}

static void printing_keeps_key_order_and_adds_no_white_space(void **state)
{
	static const char text[] = "{\"z\":1,\"a\":[true,null,\"\\n/\"],\"m\":18014398509481985}";
	CLEANUP(json) json_t *value = json_parse(bytes_of_text(text));
	CLEANUP(free) char *printed = json_print(value);

	(void)state;
	assert_string_equal(printed, text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_value_may_stand_at_the_top),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(depth_of_sixteen_passes_and_seventeen_is_refused),
		cmocka_unit_test(brackets_inside_text_do_not_count_as_depth),
		cmocka_unit_test(text_beyond_the_bound_is_refused),
		cmocka_unit_test(member_of_another_type_is_no_text),
		cmocka_unit_test(printing_keeps_key_order_and_adds_no_white_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
