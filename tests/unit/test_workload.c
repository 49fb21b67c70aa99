/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs are counted by kind, result and duration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workload.h"

static void each_job_is_counted_under_its_kind(void **unused)
{
	struct workload workload;
	struct workload_line lines[WORKLOAD_KINDS];

	(void)unused;
	workload_init(&workload);
	workload_count(&workload, "csr", true);
	workload_count(&workload, "csr", false);
	workload_count(&workload, "crl", true);
	workload_count(&workload, "a\"b", false);
	workload_read(&workload, lines);
	assert_int_equal(lines[WORKLOAD_CSR].good, 1);
	assert_int_equal(lines[WORKLOAD_CSR].failed, 1);
	assert_int_equal(lines[WORKLOAD_CRL].good, 1);
	assert_int_equal(lines[WORKLOAD_CMS].good, 0);
	assert_int_equal(lines[WORKLOAD_OTHER].failed, 1);
}

static void duration_falls_into_the_first_limit_that_holds_it(void **unused)
{
	struct workload workload;
	struct workload_line lines[WORKLOAD_KINDS];

	(void)unused;
	workload_init(&workload);
	workload_time(&workload, "cms", workload_limit_ms(0));
	workload_time(&workload, "cms", workload_limit_ms(0) + 1);
	workload_time(&workload, "cms", workload_limit_ms(WORKLOAD_BUCKETS - 1) + 1);
	workload_read(&workload, lines);
	assert_int_equal(lines[WORKLOAD_CMS].buckets[0], 1);
	assert_int_equal(lines[WORKLOAD_CMS].buckets[1], 1);
	assert_int_equal(lines[WORKLOAD_CMS].buckets[WORKLOAD_BUCKETS - 1], 0);
	assert_int_equal(lines[WORKLOAD_CMS].timed, 3);
	assert_int_equal(lines[WORKLOAD_CMS].total_ms,
		2 * workload_limit_ms(0) + 2 + workload_limit_ms(WORKLOAD_BUCKETS - 1));
}

static void limits_grow(void **unused)
{
	(void)unused;
	for (unsigned int i = 1; i < WORKLOAD_BUCKETS; i++)
		assert_true(workload_limit_ms(i) > workload_limit_ms(i - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_is_counted_under_its_kind),
		cmocka_unit_test(duration_falls_into_the_first_limit_that_holds_it),
		cmocka_unit_test(limits_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
