/* SPDX-License-Identifier: Apache-2.0 */
/* Work in lanes (one per CA): first in, first out in a lane, lanes served in turn by a pool of
 * workers. */
#include "queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "wallclock.h"

struct lane {
	struct queue_item *first;
	struct queue_item *last;
	size_t running;
};

struct queue {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t ready; /* an item may have become takeable, or the queue closed */
	pthread_cond_t idle;  /* nothing waits and nothing runs */
	struct lane *lanes;
	size_t lane_count;
	size_t lane_parallel;
	size_t turn; /* the lane that is looked at first */
	size_t waiting;
	size_t running;
	size_t max;
	bool closed;
};

struct queue *queue_new(size_t lanes, size_t max, size_t lane_parallel)
{
	pthread_condattr_t monotonic;
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->lanes = calloc(lanes, sizeof(*queue->lanes));
	if (!queue->lanes) {
		free(queue);
		return NULL;
	}
	queue->lane_count = lanes;
	queue->lane_parallel = lane_parallel;
	queue->max = max;
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&queue->lock, NULL);
	(void)pthread_cond_init(&queue->ready, NULL);
	(void)pthread_cond_init(&queue->idle, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return queue;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	(void)pthread_cond_destroy(&queue->idle);
	(void)pthread_cond_destroy(&queue->ready);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue->lanes);
	free(queue);
}

bool queue_push(struct queue *queue, size_t lane_index, struct queue_item *item)
{
	(void)pthread_mutex_lock(&queue->lock);
	bool room = !queue->closed && queue->waiting < queue->max && lane_index < queue->lane_count;

	if (room) {
		struct lane *lane = &queue->lanes[lane_index];

		item->next = NULL;
		item->lane = lane_index;
		item->pushed_ms = wallclock_uptime_ms();
		if (lane->last)
			lane->last->next = item;
		else
			lane->first = item;
		lane->last = item;
		queue->waiting++;
		(void)pthread_cond_signal(&queue->ready);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return room;
}

static struct queue_item *take_locked(struct queue *queue, size_t index)
{
	struct lane *lane = &queue->lanes[index];
	struct queue_item *item = lane->first;

	lane->first = item->next;
	if (!lane->first)
		lane->last = NULL;
	queue->waiting--;
	return item;
}

static struct queue_item *next_locked(struct queue *queue)
{
	for (size_t i = 0; queue->waiting > 0 && i < queue->lane_count; i++) {
		size_t index = (queue->turn + i) % queue->lane_count;
		struct lane *lane = &queue->lanes[index];

		if (!lane->first || lane->running >= queue->lane_parallel)
			continue;
		queue->turn = (index + 1) % queue->lane_count;
		lane->running++;
		queue->running++;
		return take_locked(queue, index);
	}
	return NULL;
}

struct queue_item *queue_pop(struct queue *queue)
{
	struct queue_item *item;

	(void)pthread_mutex_lock(&queue->lock);
	while (!(item = next_locked(queue)) && !(queue->closed && queue->waiting == 0))
		(void)pthread_cond_wait(&queue->ready, &queue->lock);
	(void)pthread_mutex_unlock(&queue->lock);
	return item;
}

static void report_idle_locked(struct queue *queue)
{
	if (queue->waiting > 0)
		return;
	if (queue->running == 0)
		(void)pthread_cond_broadcast(&queue->idle);
	if (queue->closed)
		(void)pthread_cond_broadcast(&queue->ready);
}

void queue_done(struct queue *queue, const struct queue_item *item)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->lanes[item->lane].running--;
	queue->running--;
	/* The lane may have been full: its next item has become takeable. */
	if (queue->waiting > 0)
		(void)pthread_cond_signal(&queue->ready);
	report_idle_locked(queue);
	(void)pthread_mutex_unlock(&queue->lock);
}

bool queue_drain(struct queue *queue, int64_t timeout_ms)
{
	struct timespec until;
	int failure = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	(void)pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	(void)pthread_cond_broadcast(&queue->ready);
	while (failure != ETIMEDOUT && queue->waiting + queue->running > 0)
		failure = pthread_cond_timedwait(&queue->idle, &queue->lock, &until);
	bool empty = queue->waiting + queue->running == 0;

	(void)pthread_mutex_unlock(&queue->lock);
	return empty;
}

struct queue_item *queue_abandon(struct queue *queue)
{
	struct queue_item *item = NULL;

	(void)pthread_mutex_lock(&queue->lock);
	for (size_t i = 0; !item && i < queue->lane_count; i++) {
		if (queue->lanes[i].first)
			item = take_locked(queue, i);
	}
	report_idle_locked(queue);
	(void)pthread_mutex_unlock(&queue->lock);
	return item;
}

size_t queue_waiting(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	size_t waiting = queue->waiting;

	(void)pthread_mutex_unlock(&queue->lock);
	return waiting;
}

int64_t queue_age_ms(struct queue *queue)
{
	int64_t now_ms = wallclock_uptime_ms();
	int64_t age_ms = 0;

	(void)pthread_mutex_lock(&queue->lock);
	for (size_t i = 0; queue->waiting > 0 && i < queue->lane_count; i++) {
		const struct queue_item *first = queue->lanes[i].first;

		if (first && now_ms - first->pushed_ms > age_ms)
			age_ms = now_ms - first->pushed_ms;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return age_ms;
}
