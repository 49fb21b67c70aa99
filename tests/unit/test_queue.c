/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes, turns and draining. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "queue.h"

enum { ITEMS = 6 };

static int setup(void **state)
{
	*state = queue_new(3, ITEMS, 1);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	queue_free(*state);
	return 0;
}

static void lane_is_first_in_first_out(void **state)
{
	struct queue *queue = *state;
	struct queue_item items[3];

	for (size_t i = 0; i < 3; i++)
		assert_true(queue_push(queue, 1, &items[i]));
	for (size_t i = 0; i < 3; i++) {
		struct queue_item *item = queue_pop(queue);

		assert_ptr_equal(item, &items[i]);
		queue_done(queue, item);
	}
}

static void lanes_take_turns(void **state)
{
	struct queue *queue = *state;
	struct queue_item items[4];
	static const size_t lanes[] = { 0, 0, 0, 2 };

	for (size_t i = 0; i < 4; i++)
		assert_true(queue_push(queue, lanes[i], &items[i]));
	struct queue_item *first = queue_pop(queue);
	struct queue_item *second = queue_pop(queue);

	assert_ptr_equal(first, &items[0]);
	assert_ptr_equal(second, &items[3]);
	queue_done(queue, first);
	queue_done(queue, second);
	assert_ptr_equal(queue_pop(queue), &items[1]);
	queue_done(queue, &items[1]);
	assert_ptr_equal(queue_pop(queue), &items[2]);
	queue_done(queue, &items[2]);
}

static void full_queue_and_unknown_lane_refuse(void **state)
{
	struct queue *queue = *state;
	struct queue_item items[ITEMS + 1];

	for (size_t i = 0; i < ITEMS; i++)
		assert_true(queue_push(queue, i % 3, &items[i]));
	assert_false(queue_push(queue, 0, &items[ITEMS]));
	assert_int_equal(queue_waiting(queue), ITEMS);
	while (queue_abandon(queue))
		continue;
	assert_false(queue_push(queue, 3, &items[0]));
}

static void age_is_that_of_the_first_that_waits(void **state)
{
	struct queue *queue = *state;
	struct queue_item items[2];

	assert_int_equal(queue_age_ms(queue), 0);
	assert_true(queue_push(queue, 0, &items[0]));
	assert_true(queue_push(queue, 1, &items[1]));
	items[1].pushed_ms -= 5000;
	assert_in_range(queue_age_ms(queue), 5000, 4000000);
	(void)queue_abandon(queue);
	(void)queue_abandon(queue);
	assert_int_equal(queue_age_ms(queue), 0);
}

static void *work(void *context)
{
	struct queue *queue = context;
	struct queue_item *item;
	size_t *done = calloc(1, sizeof(*done));

	while ((item = queue_pop(queue))) {
		(*done)++;
		queue_done(queue, item);
	}
	return done;
}

static void drain_waits_for_all_and_ends_workers(void **state)
{
	struct queue *queue = *state;
	struct queue_item items[ITEMS];
	pthread_t threads[3];
	size_t total = 0;

	for (size_t i = 0; i < ITEMS; i++)
		assert_true(queue_push(queue, i % 2, &items[i]));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, queue), 0);
	bool drained = queue_drain(queue, 10000);

	assert_true(drained);
	for (size_t i = 0; i < 3; i++) {
		void *done = NULL;

		assert_int_equal(pthread_join(threads[i], &done), 0);
		total += *(size_t *)done;
		free(done);
	}
	assert_int_equal(total, ITEMS);
	assert_false(queue_push(queue, 0, &items[0]));
}

static void drain_gives_up_on_what_nobody_takes(void **state)
{
	struct queue *queue = *state;
	struct queue_item item;

	assert_true(queue_push(queue, 0, &item));
	assert_false(queue_drain(queue, 0));
	assert_ptr_equal(queue_abandon(queue), &item);
	assert_null(queue_abandon(queue));
	assert_null(queue_pop(queue));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			age_is_that_of_the_first_that_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(lane_is_first_in_first_out, setup, teardown),
		cmocka_unit_test_setup_teardown(lanes_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(
			full_queue_and_unknown_lane_refuse, setup, teardown),
		cmocka_unit_test_setup_teardown(
			drain_waits_for_all_and_ends_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(
			drain_gives_up_on_what_nobody_takes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
