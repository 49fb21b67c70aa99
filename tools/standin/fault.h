/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that the stand-in shows on demand: where, how, and how often. */
#ifndef IOTHSM_STANDIN_FAULT_H
#define IOTHSM_STANDIN_FAULT_H

#include <pthread.h>

#include "standin.h"

/* FAULT_MESSAGES is the delivery of messages by a subscribe reply that succeeds. */
enum fault_place {
	FAULT_NOWHERE,
	FAULT_REGISTER,
	FAULT_DELIVER,
	FAULT_SUBSCRIBE,
	FAULT_PUBLISH,
	FAULT_TIME,
	FAULT_LEAVE,
	FAULT_MESSAGES,
	FAULT_PLACES
};

enum fault_kind {
	FAULT_NONE,
	FAULT_STATUS,
	FAULT_HTML,
	FAULT_RESET,
	FAULT_SILENCE,
	FAULT_REFUSE,
	FAULT_DUPLICATE,
	FAULT_REVERSE
};

/* What one request meets. */
struct fault {
	enum fault_kind kind;
	int status;          /* of FAULT_STATUS */
	unsigned silence_ms; /* of FAULT_SILENCE; 0: without end */
};

enum { FAULT_TURNS_MAX = 16 };

struct fault_switch {
	struct fault turns[FAULT_TURNS_MAX]; /* one request after the other */
	size_t count;
	unsigned left;    /* requests; 0: those until the moment below */
	int64_t until_ms; /* on the monotonic clock */
	unsigned met;
};

struct faults {
	pthread_mutex_t lock; /* guards all below */
	struct fault_switch at[FAULT_PLACES];
};

void faults_init(struct faults *faults);
void faults_destroy(struct faults *faults);

/* False when a word is unknown, or a kind does not happen at this place. */
bool fault_set(struct faults *faults, const struct standin_fault *wanted);

/* The fault that a request at this place meets now; counted. */
struct fault fault_take(struct faults *faults, enum fault_place place);

/* How many met the fault that was set last at the named place. */
unsigned fault_met(struct faults *faults, const char *place);

#endif
