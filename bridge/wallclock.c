/* SPDX-License-Identifier: Apache-2.0 */
/* The present time as the platform's side sees it, whatever the system's clock says. */
#include "wallclock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"

enum { OBSERVATION_LIFE_MS = 10 * 60 * 1000, ROUND_TRIP_MAX_MS = 30 * 1000 };

static const int64_t units_per_ms = WALLCLOCK_SECOND / 1000;

/* What the best observation said; all guarded by lock. */
static struct {
	pthread_mutex_t lock;
	enum wallclock_source source;
	int64_t offset; /* present time minus uptime */
	int64_t round_trip_ms;
	int64_t seen_ms;
	bool warned;
	bool dated;
	int64_t date_skew_s;
} wallclock = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int64_t clock_units(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * WALLCLOCK_SECOND + now.tv_nsec / 100;
}

int64_t wallclock_uptime_ms(void)
{
	return clock_units(CLOCK_BOOTTIME) / units_per_ms;
}

int64_t wallclock_now(void)
{
	(void)pthread_mutex_lock(&wallclock.lock);
	int64_t now = wallclock.source == WALLCLOCK_SYSTEM
			      ? clock_units(CLOCK_REALTIME)
			      : clock_units(CLOCK_BOOTTIME) + wallclock.offset;

	(void)pthread_mutex_unlock(&wallclock.lock);
	return now;
}

int64_t wallclock_now_s(void)
{
	return wallclock_now() / WALLCLOCK_SECOND;
}

int64_t wallclock_skew_s(void)
{
	return (clock_units(CLOCK_REALTIME) - wallclock_now()) / WALLCLOCK_SECOND;
}

static bool is_better_locked(
	enum wallclock_source source, int64_t round_trip_ms, int64_t received_ms)
{
	if (source != wallclock.source)
		return source > wallclock.source;
	return round_trip_ms <= wallclock.round_trip_ms ||
	       received_ms - wallclock.seen_ms > OBSERVATION_LIFE_MS;
}

static void report_skew(void)
{
	int64_t skew_s = wallclock_skew_s();
	bool large = llabs(skew_s) >= WALLCLOCK_SKEW_WARN_SECONDS;

	(void)pthread_mutex_lock(&wallclock.lock);
	bool changed = large != wallclock.warned;

	wallclock.warned = large;
	(void)pthread_mutex_unlock(&wallclock.lock);
	if (changed && large)
		log_warn("wallclock: the system's clock is wrong, the platform's time is used"
			 " ahead_s=%lld hint=\"check NTP\"",
			(long long)skew_s);
	else if (changed)
		log_info("wallclock: the system's clock agrees with the platform's again");
}

void wallclock_observe(
	enum wallclock_source source, int64_t time, int64_t sent_ms, int64_t received_ms)
{
	int64_t round_trip_ms = received_ms - sent_ms;

	if (time <= 0 || round_trip_ms < 0 || round_trip_ms > ROUND_TRIP_MAX_MS)
		return;
	(void)pthread_mutex_lock(&wallclock.lock);
	if (is_better_locked(source, round_trip_ms, received_ms)) {
		wallclock.source = source;
		wallclock.offset = time - (sent_ms + received_ms) / 2 * units_per_ms;
		wallclock.round_trip_ms = round_trip_ms;
		wallclock.seen_ms = received_ms;
	}
	(void)pthread_mutex_unlock(&wallclock.lock);
	report_skew();
}

static void note_date(int64_t time)
{
	int64_t skew_s = (clock_units(CLOCK_REALTIME) - time) / WALLCLOCK_SECOND;

	(void)pthread_mutex_lock(&wallclock.lock);
	wallclock.dated = true;
	wallclock.date_skew_s = skew_s;
	(void)pthread_mutex_unlock(&wallclock.lock);
}

bool wallclock_date_skew_s(int64_t *skew_s)
{
	(void)pthread_mutex_lock(&wallclock.lock);
	bool dated = wallclock.dated;

	*skew_s = wallclock.date_skew_s;
	(void)pthread_mutex_unlock(&wallclock.lock);
	return dated;
}

void wallclock_observe_date(const char *date, int64_t sent_ms, int64_t received_ms)
{
	struct tm parts = { 0 };

	/* RFC 9110, 5.6.7; the program runs in the C locale, so %a and %b are English. */
	const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &parts);

	if (!end || *end != '\0')
		return;
	/* Whole seconds, cut off: the middle of that second is the best guess. */
	int64_t time = (int64_t)timegm(&parts) * WALLCLOCK_SECOND + WALLCLOCK_SECOND / 2;

	note_date(time);
	wallclock_observe(WALLCLOCK_PLATFORM, time, sent_ms, received_ms);
}
