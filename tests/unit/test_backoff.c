/* SPDX-License-Identifier: Apache-2.0 */
/* Growing intervals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backoff.h"

static void intervals_double_up_to_the_bound(void **unused)
{
	struct backoff backoff = { 1000, 8000, 0 };
	static const int64_t expected[] = { 1000, 2000, 4000, 8000, 8000, 8000 };

	(void)unused;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		int64_t wait_ms = backoff_next_ms(&backoff);

		assert_true(wait_ms >= expected[i] * 3 / 4 && wait_ms <= expected[i] * 5 / 4);
	}
	backoff_reset(&backoff);
	assert_true(backoff_next_ms(&backoff) <= 1250);
}

static void appliances_do_not_retry_in_step(void **unused)
{
	struct backoff backoff = { 1000000, 1000000, 0 };
	int64_t first = backoff_next_ms(&backoff);
	int equal = 0;

	(void)unused;
	for (int i = 0; i < 20; i++)
		equal += backoff_next_ms(&backoff) == first;
	assert_true(equal < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_double_up_to_the_bound),
		cmocka_unit_test(appliances_do_not_retry_in_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
