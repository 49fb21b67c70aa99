/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the jobs by kind and result, and how long they took. */
#include "workload.h"

#include <string.h>

static const char *const names[WORKLOAD_KINDS] = {
	[WORKLOAD_CSR] = "csr",
	[WORKLOAD_CRL] = "crl",
	[WORKLOAD_CMS] = "cms",
	[WORKLOAD_OTHER] = "other",
};

static const int64_t limits_ms[WORKLOAD_BUCKETS] = { 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500,
	10000, 60000 };

void workload_init(struct workload *workload)
{
	*workload = (struct workload){ 0 };
	(void)pthread_mutex_init(&workload->lock, NULL);
}

static enum workload_kind kind_of(const char *signtype)
{
	unsigned int kind = 0;

	while (kind < WORKLOAD_OTHER && strcmp(signtype, names[kind]) != 0)
		kind++;
	return kind;
}

void workload_count(struct workload *workload, const char *signtype, bool good)
{
	struct workload_line *line = &workload->lines[kind_of(signtype)];

	(void)pthread_mutex_lock(&workload->lock);
	if (good)
		line->good++;
	else
		line->failed++;
	(void)pthread_mutex_unlock(&workload->lock);
}

void workload_time(struct workload *workload, const char *signtype, int64_t took_ms)
{
	struct workload_line *line = &workload->lines[kind_of(signtype)];
	unsigned int bucket = 0;

	while (bucket < WORKLOAD_BUCKETS && took_ms > limits_ms[bucket])
		bucket++;
	(void)pthread_mutex_lock(&workload->lock);
	if (bucket < WORKLOAD_BUCKETS)
		line->buckets[bucket]++;
	line->timed++;
	line->total_ms += took_ms > 0 ? (uint64_t)took_ms : 0;
	(void)pthread_mutex_unlock(&workload->lock);
}

void workload_read(struct workload *workload, struct workload_line lines[WORKLOAD_KINDS])
{
	(void)pthread_mutex_lock(&workload->lock);
	memcpy(lines, workload->lines, sizeof(workload->lines));
	(void)pthread_mutex_unlock(&workload->lock);
}

const char *workload_name(enum workload_kind kind)
{
	return names[kind];
}

int64_t workload_limit_ms(unsigned int bucket)
{
	return limits_ms[bucket];
}
