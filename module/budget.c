/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that many connections take together, counted and bounded. */
#include "budget.h"

#include <assert.h>

static size_t above(const struct budget *budget, size_t used)
{
	return used > budget->spared ? used - budget->spared : 0;
}

/* What the parent has to bear of the step from one amount to a larger one. */
static size_t share_of_parent(const struct budget *budget, size_t from, size_t to)
{
	return above(budget, to) - above(budget, from);
}

/* *before: what was in use; false when the limit would be passed. */
static bool raise_used(struct budget *budget, size_t len, size_t *before)
{
	*before = atomic_load(&budget->used);
	do {
		if (len > budget->limit - *before)
			return false;
	} while (!atomic_compare_exchange_weak(&budget->used, before, *before + len));
	return true;
}

bool budget_take(struct budget *budget, size_t len)
{
	size_t before;

	if (!budget || len == 0)
		return true;
	if (raise_used(budget, len, &before)) {
		if (budget_take(budget->parent, share_of_parent(budget, before, before + len)))
			return true;
		atomic_fetch_sub(&budget->used, len);
	}
	if (budget->spared > 0)
		budget->refused = true;
	return false;
}

void budget_give(struct budget *budget, size_t len)
{
	if (!budget || len == 0)
		return;
	size_t before = atomic_fetch_sub(&budget->used, len);

	assert(len <= before);
	budget_give(budget->parent, share_of_parent(budget, before - len, before));
}
