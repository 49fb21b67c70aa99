/* SPDX-License-Identifier: Apache-2.0 */
/* The present time as the platform's side sees it, whatever the system's clock says. */
#ifndef IOTHSM_WALLCLOCK_H
#define IOTHSM_WALLCLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* A better source replaces a worse one, never the other way round. */
enum wallclock_source { WALLCLOCK_SYSTEM, WALLCLOCK_PLATFORM, WALLCLOCK_PUBNUB };

enum { WALLCLOCK_SECOND = 10 * 1000 * 1000, WALLCLOCK_SKEW_WARN_SECONDS = 60 };

/* Milliseconds since boot, suspend included: for intervals. */
int64_t wallclock_uptime_ms(void);

/* 100 ns units since 1970, as PubNub's timetokens. */
int64_t wallclock_now(void);
int64_t wallclock_now_s(void);

/* A server said `time` (100 ns units) in answer to a request of [sent, received] uptime. */
void wallclock_observe(
	enum wallclock_source source, int64_t time, int64_t sent_ms, int64_t received_ms);

/* The same for the Date header of an HTTPS reply; what is no date is ignored. */
void wallclock_observe_date(const char *date, int64_t sent_ms, int64_t received_ms);

/* How far the system's clock was ahead of the Date header when that last came; false: never. */
bool wallclock_date_skew_s(int64_t *skew_s);

/* How far the system's clock is ahead (negative: behind), 0 while no server told the time. */
int64_t wallclock_skew_s(void);

#endif
