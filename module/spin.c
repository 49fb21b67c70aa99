/* SPDX-License-Identifier: Apache-2.0 */
/* The right to wait without sleeping: one waiter of a process, where another core can work
 * meanwhile. */
#include "spin.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

static atomic_flag taken = ATOMIC_FLAG_INIT;
static atomic_int cores; /* that this process may run on; 0: not counted yet */

/* Asked once: whoever moves the process to one core later loses the rest of a time slice. */
static bool has_spare_core(void)
{
	int count = atomic_load_explicit(&cores, memory_order_relaxed);

	if (count == 0) {
		cpu_set_t set;

		count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
		atomic_store_explicit(&cores, count, memory_order_relaxed);
	}
	return count > 1;
}

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool spin_begin(struct spin *spin, unsigned int us)
{
	if (us == 0 || !has_spare_core() || atomic_flag_test_and_set(&taken))
		return false;
	spin->end_ns = now_ns() + (int64_t)(us < SPIN_US_MAX ? us : SPIN_US_MAX) * 1000;
	return true;
}

bool spin_is_over(const struct spin *spin)
{
	return now_ns() >= spin->end_ns;
}

void spin_end(void)
{
	atomic_flag_clear(&taken);
}

void spin_forget_parent(void)
{
	atomic_flag_clear(&taken);
}
