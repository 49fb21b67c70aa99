/* SPDX-License-Identifier: Apache-2.0 */
/* The durable record of a token's private-key operations: threads that wait are written for
 * together. */
#ifndef IOTHSM_RECORDER_H
#define IOTHSM_RECORDER_H

#include <jansson.h>
#include <stdbool.h>

enum {
	RECORDER_REASON_MAX = 256,
	RECORDER_LOW_MIB = 64, /* less free space than this is an alarm */
};

/* Why the record is in danger or cannot be written; an empty reason: all is well again. */
typedef void recorder_alarm(void *context, const char *reason);

struct recorder;

/* The files are opened by the first record. NULL when out of memory or the path is too long. */
struct recorder *recorder_new(const char *directory, recorder_alarm *alarm, void *context);
void recorder_free(struct recorder *recorder);

/*
 * Appends one record and waits until it is durable; any thread, and beside another process that
 * writes to the same directory. False: it is not, the reason is logged, and what it is about must
 * not be done.
 */
bool recorder_write(struct recorder *recorder, const json_t *fields);

#endif
