/* SPDX-License-Identifier: Apache-2.0 */
/* Work in lanes (one per CA): first in, first out in a lane, lanes served in turn by a pool of
 * workers. */
#ifndef IOTHSM_QUEUE_H
#define IOTHSM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded as the first member of what is queued. */
struct queue_item {
	struct queue_item *next;
	size_t lane;
	int64_t pushed_ms; /* uptime */
};

struct queue;

/* max: items waiting in all; lane_parallel: items of one lane under way at once. NULL when out of
 * memory. */
struct queue *queue_new(size_t lanes, size_t max, size_t lane_parallel);
void queue_free(struct queue *queue); /* empty and without users */

/* False when it is full or closed; the item stays the caller's then. */
bool queue_push(struct queue *queue, size_t lane, struct queue_item *item);

/* Waits for an item; NULL once the queue is closed and empty. queue_done() when it is finished
 * with. */
struct queue_item *queue_pop(struct queue *queue);
void queue_done(struct queue *queue, const struct queue_item *item);

/* No more items come in; waits until none is left, at most so long. False when time ran out. */
bool queue_drain(struct queue *queue, int64_t timeout_ms);

/* Takes out what is still waiting, one item a call, so that queue_pop() ends. */
struct queue_item *queue_abandon(struct queue *queue);

size_t queue_waiting(struct queue *queue);

/* How long the one that has waited longest has, 0 when none does. */
int64_t queue_age_ms(struct queue *queue);

#endif
