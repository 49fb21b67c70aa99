/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting JSON without parsing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "skim.h"

static void assert_value(struct bytes value, const char *text)
{
	assert_int_equal(value.len, strlen(text));
	assert_memory_equal(value.data, text, value.len);
}

static void members_of_an_object_come_in_order(void **unused)
{
	struct skim skim;
	struct bytes key;
	struct bytes value;

	(void)unused;
	assert_true(
		skim_object(&skim, bytes_of_text(" { \"a\" : 1, \"b\":{\"x\":[\"]}\\\"\"]} } ")));
	assert_true(skim_next(&skim, &key, &value));
	assert_value(key, "a");
	assert_value(value, "1");
	assert_true(skim_next(&skim, &key, &value));
	assert_value(key, "b");
	assert_value(value, "{\"x\":[\"]}\\\"\"]} ");
	assert_false(skim_next(&skim, &key, &value));
	assert_true(skim_is_complete(&skim));
}

static void deep_nesting_hides_no_other_element(void **unused)
{
	enum { DEPTH = 100000 };
	static char text[2 * DEPTH + 16];
	struct skim skim;
	struct bytes value;

	(void)unused;
	text[0] = '[';
	memset(text + 1, '[', DEPTH);
	memset(text + 1 + DEPTH, ']', DEPTH);
	(void)strcpy(text + 1 + 2 * DEPTH, ",7]");
	assert_true(skim_array(&skim, bytes_of_text(text)));
	assert_true(skim_next(&skim, NULL, &value));
	assert_true(skim_next(&skim, NULL, &value));
	assert_value(value, "7");
	assert_false(skim_next(&skim, NULL, &value));
	assert_true(skim_is_complete(&skim));
}

static void broken_texts_never_complete(void **unused)
{
	static const char *const texts[] = { "[", "[1", "[1,", "[\"a", "[\"a\\", "[1 2]x", "[,]",
		"[1],", "[1}]", "[[1]" };

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct skim skim;
		struct bytes value;

		assert_true(skim_array(&skim, bytes_of_text(texts[i])));
		while (skim_next(&skim, NULL, &value))
			assert_true(value.len > 0);
		if (skim_is_complete(&skim))
			fail_msg("complete: %s", texts[i]);
	}
}

static void another_kind_is_refused(void **unused)
{
	struct skim skim;

	(void)unused;
	assert_false(skim_object(&skim, bytes_of_text("[]")));
	assert_false(skim_array(&skim, bytes_of_text("null")));
	assert_false(skim_array(&skim, bytes_of(NULL, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_of_an_object_come_in_order),
		cmocka_unit_test(deep_nesting_hides_no_other_element),
		cmocka_unit_test(broken_texts_never_complete),
		cmocka_unit_test(another_kind_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
