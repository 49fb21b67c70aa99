/* SPDX-License-Identifier: Apache-2.0 */
/* The mutex callbacks that a backend gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "mutex.h"

enum { THREADS = 4, ROUNDS = 5000 };

static void *mutex;
static unsigned long counter; /* guarded by mutex, and torn without it */

static void *count_up(void *context)
{
	(void)context;
	for (int i = 0; i < ROUNDS; i++) {
		if (mutex_lock(mutex) != CKR_OK)
			break;
		counter++;
		(void)mutex_unlock(mutex);
	}
	return NULL;
}

static void one_thread_at_a_time_is_inside(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	counter = 0;
	assert_int_equal(mutex_create(&mutex), CKR_OK);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(counter, THREADS * ROUNDS);
	assert_int_equal(mutex_destroy(mutex), CKR_OK);
}

static void no_mutex_is_an_argument_that_is_bad(void **state)
{
	(void)state;
	assert_int_equal(mutex_lock(NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(mutex_unlock(NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(mutex_destroy(NULL), CKR_ARGUMENTS_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_at_a_time_is_inside),
		cmocka_unit_test(no_mutex_is_an_argument_that_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
