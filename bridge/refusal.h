/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what was not done and says why, without letting strangers fill the log. */
#ifndef IOTHSM_REFUSAL_H
#define IOTHSM_REFUSAL_H

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>

#define REFUSAL_KINDS(X)                                                                           \
	X(OWN, own)               /* our own message came back */                                  \
	X(FOREIGN, foreign)       /* addressed to another appliance or to the platform */          \
	X(MALFORMED, malformed)   /* no message of the protocol */                                 \
	X(UNVERIFIED, unverified) /* not signed by the platform within the window */               \
	X(SHAPE, shape)           /* the content is not what the type demands */                   \
	X(UNKNOWN_CA, unknown_ca) /* a CA that is not here: silence */                             \
	X(UNREADABLE, unreadable) /* cannot be decrypted, inflated or parsed */                    \
	X(SIGUUID, siguuid)       /* outer and inner siguuid differ */                             \
	X(CONFLICT, conflict)     /* another request under a known siguuid */                      \
	X(REPEATED, repeated) /* the same again while it is worked on, or its answer is gone */    \
	X(EXPIRED, expired)   /* its time to live has passed */                                    \
	X(OVERFLOW, overflow) /* too much is waiting */                                            \
	X(UNRECORDED, unrecorded) /* the job journal cannot be written */                          \
	X(NOT_READY, not_ready)   /* the CA's token does not answer */

enum refusal_kind {
#define REFUSAL_ENUM(upper, lower) REFUSAL_##upper,
	REFUSAL_KINDS(REFUSAL_ENUM)
#undef REFUSAL_ENUM
		REFUSAL_COUNT
};

struct refusals {
	pthread_mutex_t lock; /* guards all below */
	uint64_t counts[REFUSAL_COUNT];
	int64_t minute;
	unsigned int lines; /* written in this minute */
	uint64_t silent;    /* not written in it */
};

void refusal_init(struct refusals *refusals);

/* Counts and, within the limit, logs a refusal; detail is quoted and may be NULL. */
void refusal_report(
	struct refusals *refusals, enum refusal_kind kind, const char *reason, const char *detail);

/* Counts what is part of normal traffic, without a line. */
void refusal_count(struct refusals *refusals, enum refusal_kind kind);

/* All counts at one moment, and the names of their kinds. */
void refusal_counts(struct refusals *refusals, uint64_t counts[REFUSAL_COUNT]);
const char *refusal_name(enum refusal_kind kind);

json_t *refusal_json(struct refusals *refusals);

#endif
