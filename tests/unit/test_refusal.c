/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals are counted one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log.h"
#include "refusal.h"

static void every_refusal_is_counted_though_not_every_one_is_logged(void **unused)
{
	struct refusals refusals;

	(void)unused;
	refusal_init(&refusals);
	log_set_level(LOG_LEVEL_ERROR);
	for (int i = 0; i < 500; i++)
		refusal_report(&refusals, REFUSAL_EXPIRED, "late", NULL);
	refusal_count(&refusals, REFUSAL_FOREIGN);
	json_t *counts = refusal_json(&refusals);

	assert_int_equal(json_integer_value(json_object_get(counts, "expired")), 500);
	assert_int_equal(json_integer_value(json_object_get(counts, "foreign")), 1);
	assert_int_equal(json_integer_value(json_object_get(counts, "conflict")), 0);
	assert_int_equal(json_object_size(counts), REFUSAL_COUNT);
	assert_string_equal(refusal_name(REFUSAL_UNKNOWN_CA), "unknown_ca");
	json_decref(counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_refusal_is_counted_though_not_every_one_is_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
