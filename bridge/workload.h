/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the jobs by kind and result, and how long they took. */
#ifndef IOTHSM_WORKLOAD_H
#define IOTHSM_WORKLOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum workload_kind { WORKLOAD_CSR, WORKLOAD_CRL, WORKLOAD_CMS, WORKLOAD_OTHER, WORKLOAD_KINDS };

enum { WORKLOAD_BUCKETS = 12 };

struct workload_line {
	uint64_t good;
	uint64_t failed;
	uint64_t buckets[WORKLOAD_BUCKETS]; /* of those sent, each within its limit, not added up */
	uint64_t timed;
	uint64_t total_ms;
};

struct workload {
	pthread_mutex_t lock; /* guards all below */
	struct workload_line lines[WORKLOAD_KINDS];
};

void workload_init(struct workload *workload);

/* What a platform calls a job that is none counts as WORKLOAD_OTHER, whatever it is. */
void workload_count(struct workload *workload, const char *signtype, bool good);

/* From its coming in to its answer's going out. */
void workload_time(struct workload *workload, const char *signtype, int64_t took_ms);

void workload_read(struct workload *workload, struct workload_line lines[WORKLOAD_KINDS]);
const char *workload_name(enum workload_kind kind);
int64_t workload_limit_ms(unsigned int bucket);

#endif
