/* SPDX-License-Identifier: Apache-2.0 */
/* Token hosts as processes: started, restarted with back-off, given back what they knew. */
#ifndef IOTHSM_SUPERVISE_H
#define IOTHSM_SUPERVISE_H

#include "front.h"

enum {
	SUPERVISE_START_MS = 60 * 1000, /* to list the tokens */
	SUPERVISE_LONG_LIFE_MS = 60 * 1000,
	SUPERVISE_QUICK_CRASH_MS = 5 * 1000,
	SUPERVISE_BACKOFF_FIRST_MS = 100,
	SUPERVISE_BACKOFF_MAX_MS = 10 * 1000,
	SUPERVISE_SHORT_LIVES_MAX = 10,
	SUPERVISE_FAILED_MS = 60 * 1000,
	SUPERVISE_STOP_MS = 5 * 1000,  /* longer than a host waits for its own threads */
	SUPERVISE_LATE_MS = 1000,      /* the agent itself was stopped: no proof against others */
	SUPERVISE_SETTLE_MS = 3 * 1000 /* shorter than a module waits for the front */
};

/* One backend for each in the settings, none started yet; logs what failed. */
CK_RV supervise_init(struct front *front);

/* Starts, kills and restores what is due now. */
void supervise_tick(struct front *front, int64_t now_ms);

/* When supervise_tick() has to be called next, INT64_MAX for never. */
int64_t supervise_due_ms(const struct front *front);

/* Reaps processes that ended. */
void supervise_reap(struct front *front, int64_t now_ms);

/* The link of the first or second host can be written again. */
void supervise_flush(struct front *front, size_t backend, bool first, bool second);

/* The wait before the next start after so many failures in a row. */
int64_t supervise_backoff_ms(unsigned failures);

/* Another host on the same library is starting. */
bool supervise_has_to_queue(const struct front *front, size_t backend);

/* Closes the link: the host ends, and is killed when it does not. */
void supervise_end(struct front *front, size_t backend, const char *reason);

/* To one host; what cannot be sent ends the host. */
void supervise_send(struct front *front, size_t backend, const struct link_message *message);
void supervise_send_all(struct front *front, const struct link_message *message);

/* The host said that it lives. */
void supervise_hear_pong(struct front *front, size_t backend);

/* The list of tokens is complete: the host takes clients. */
void supervise_ready(struct front *front, size_t backend);

/* A host that was away for a moment only: callers rather wait for it than get half an answer. */
bool supervise_is_settling(const struct front *front, int64_t now_ms);

/* Every backend has listed its tokens or failed for good: what is unknown now does not exist. */
bool supervise_is_complete(const struct front *front);

/* When one more backend stops to count as settling, INT64_MAX for none. */
int64_t supervise_settled_ms(const struct front *front, int64_t now_ms);

/* Ends all hosts in order, at the latest after SUPERVISE_STOP_MS. */
void supervise_stop(struct front *front);

#endif
