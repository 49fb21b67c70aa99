/* SPDX-License-Identifier: Apache-2.0 */
/* The right to wait without sleeping: one waiter of a process, where another core can work
 * meanwhile. */
#ifndef IOTHSM_SPIN_H
#define IOTHSM_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum { SPIN_US_MAX = 1000 };

/* A waiter that may spin until spin_is_over() and then calls spin_end(); false: it sleeps. */
struct spin {
	int64_t end_ns; /* CLOCK_MONOTONIC */
};

bool spin_begin(struct spin *spin, unsigned int us);
bool spin_is_over(const struct spin *spin);
void spin_end(void);

/* In a forked child, whose parent may have been spinning. */
void spin_forget_parent(void);

#endif
