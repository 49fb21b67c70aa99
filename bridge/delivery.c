/* SPDX-License-Identifier: Apache-2.0 */
/* A revocation list on its way to the platform. */
#include "delivery.h"

#include <errno.h>

#include "log.h"
#include "thread.h"
#include "wallclock.h"

/* Nobody waits longer than the limit, whatever time to live is asked for: it holds a worker. */
enum { FIRST_MS = 500, LAST_MS = 5 * 1000, LIMIT_MS = 30 * 1000 };

static int64_t milliseconds_left(const struct task *task)
{
	double age_s = (double)(wallclock_now() - task->published) / WALLCLOCK_SECOND;
	double left_ms = (task->ttl_s - age_s) * 1000;

	if (!(left_ms > 0))
		return 0;
	return left_ms < LIMIT_MS ? (int64_t)left_ms : LIMIT_MS;
}

/* Ends early when the work of the bridge is abandoned. */
static void pause_ms(struct bridge *bridge, int64_t wait_ms)
{
	struct timespec until = thread_deadline(wait_ms);
	int failure = 0;

	(void)pthread_mutex_lock(&bridge->lock);
	while (failure != ETIMEDOUT && !atomic_load(&bridge->abandoned))
		failure = pthread_cond_timedwait(&bridge->wake, &bridge->lock, &until);
	(void)pthread_mutex_unlock(&bridge->lock);
}

bool delivery_run(struct bridge *bridge, struct rest *rest, struct task *task, const char *smime,
	char reason[PLATFORM_REASON_MAX])
{
	struct job_ca job = ca_job(task->ca);
	struct platform_caller caller = { rest, &bridge->abandoned, &task->ca->channel, &job,
		task->ca->serial, task->ca->thumbprint };
	struct backoff backoff = { FIRST_MS, LAST_MS, 0 };
	int64_t end_ms = wallclock_uptime_ms() + milliseconds_left(task);

	for (;;) {
		bool refused = false;
		bool taken =
			platform_deliver_crl(bridge->platform, &caller, smime, reason, &refused);
		int64_t wait_ms = backoff_next_ms(&backoff);

		if (taken || refused || atomic_load(&bridge->abandoned) ||
			wallclock_uptime_ms() + wait_ms > end_ms)
			return taken;
		log_warn("delivery: revocation list not delivered, trying again ca=%zu"
			 " reason=\"%s\"",
			task->ca->index, reason);
		pause_ms(bridge, wait_ms);
	}
}
