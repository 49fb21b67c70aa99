/* SPDX-License-Identifier: Apache-2.0 */
/* Many jobs at once, and how long they took. */
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "driver.h"

enum { LOAD_PARALLEL_MAX = 256 };

struct load {
	struct standin_driver *driver;
	const struct standin_order *order;
	struct standin_figures *figures;
	pthread_mutex_t lock; /* of figures, started and elapsed_ms */
	unsigned started;
	int64_t *elapsed_ms; /* of the answered jobs */
};

static bool take_next(struct load *load)
{
	(void)pthread_mutex_lock(&load->lock);
	bool more = load->started < load->figures->count;

	if (more)
		load->started++;
	(void)pthread_mutex_unlock(&load->lock);
	return more;
}

static void add_result(struct load *load, const struct standin_result *result)
{
	struct standin_figures *figures = load->figures;

	(void)pthread_mutex_lock(&load->lock);
	if (result->answered)
		load->elapsed_ms[figures->answered++] = result->elapsed_ms;
	if (result->verified)
		figures->verified++;
	else if (!figures->cause[0])
		(void)snprintf(figures->cause, STANDIN_CAUSE_MAX, "%s", result->cause);
	(void)pthread_mutex_unlock(&load->lock);
}

static void *run_jobs(void *arg)
{
	struct load *load = arg;
	struct rest *rest = peer_connect(&load->driver->peer);

	while (rest && take_next(load)) {
		struct standin_result result;

		driver_run_job(load->driver, rest, load->order, &result);
		add_result(load, &result);
		standin_result_reset(&result);
	}
	rest_free(rest);
	return NULL;
}

static int compare_ms(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static void summarise(struct standin_figures *figures, int64_t *elapsed_ms)
{
	unsigned answered = figures->answered;

	if (answered == 0)
		return;
	qsort(elapsed_ms, answered, sizeof(*elapsed_ms), compare_ms);
	figures->p50_ms = elapsed_ms[(answered - 1) / 2];
	figures->p99_ms = elapsed_ms[(size_t)(answered - 1) * 99 / 100];
	figures->max_ms = elapsed_ms[answered - 1];
}

static unsigned start_threads(struct load *load, pthread_t *threads, unsigned parallel)
{
	unsigned running = 0;

	while (running < parallel && pthread_create(&threads[running], NULL, run_jobs, load) == 0)
		running++;
	return running;
}

bool standin_load(struct standin_driver *driver, const struct standin_order *order, unsigned count,
	unsigned parallel, struct standin_figures *figures)
{
	pthread_t threads[LOAD_PARALLEL_MAX];
	CLEANUP(free) int64_t *elapsed_ms = calloc(count ? count : 1, sizeof(*elapsed_ms));
	struct load load = { .driver = driver,
		.order = order,
		.figures = figures,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.elapsed_ms = elapsed_ms };
	int64_t start_ms = mailbox_now_ms();

	*figures = (struct standin_figures){ .count = count };
	if (!elapsed_ms || parallel == 0 || parallel > LOAD_PARALLEL_MAX)
		return false;
	unsigned running = start_threads(&load, threads, parallel);

	for (unsigned i = 0; i < running; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_destroy(&load.lock);
	figures->total_ms = mailbox_now_ms() - start_ms;
	summarise(figures, elapsed_ms);
	return running > 0;
}
