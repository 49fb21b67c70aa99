/* SPDX-License-Identifier: Apache-2.0 */
/* Delivered lists are kept for download, the newest first, a bounded number of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "delivery.h"

static void newest_list_under_a_siguuid_is_found(void **state)
{
	struct delivery_box box = { 0 };

	(void)state;
	assert_null(delivery_find(&box, "a"));
	assert_true(delivery_keep(&box, "a", "first"));
	assert_true(delivery_keep(&box, "b", "other"));
	assert_true(delivery_keep(&box, "a", "second"));
	assert_string_equal(delivery_find(&box, "a"), "second");
	assert_string_equal(delivery_find(&box, "b"), "other");
	delivery_reset(&box);
	assert_null(delivery_find(&box, "a"));
}

static void oldest_list_gives_way(void **state)
{
	struct delivery_box box = { 0 };
	char name[16];

	(void)state;
	for (int i = 0; i <= DELIVERY_KEPT_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		assert_true(delivery_keep(&box, name, "list"));
	}
	assert_null(delivery_find(&box, "0"));
	assert_string_equal(delivery_find(&box, "1"), "list");
	assert_string_equal(delivery_find(&box, name), "list");
	delivery_reset(&box);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_list_under_a_siguuid_is_found),
		cmocka_unit_test(oldest_list_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
