/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that many connections take together, counted and bounded. */
#ifndef IOTHSM_BUDGET_H
#define IOTHSM_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What a budget takes beyond its free part is taken from its parent too, up to the last one. */
struct budget {
	struct budget *parent; /* NULL: none */
	size_t limit;          /* used never exceeds it */
	size_t spared; /* nothing below it concerns the parent; more than 0 only for one thread */
	_Atomic size_t used;
	bool refused; /* once; for the thread that set it to false */
};

/* A budget of NULL is never exhausted, and neither side counts anything. */
bool budget_take(struct budget *budget, size_t len);
void budget_give(struct budget *budget, size_t len);

#endif
