/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what was not done and says why, without letting strangers fill the log. */
#include "refusal.h"

#include <stdbool.h>

#include "log.h"
#include "wallclock.h"

enum { LINES_A_MINUTE = 60 };

static const char *const names[REFUSAL_COUNT] = {
#define REFUSAL_NAME(upper, lower) #lower,
	REFUSAL_KINDS(REFUSAL_NAME)
#undef REFUSAL_NAME
};

void refusal_init(struct refusals *refusals)
{
	*refusals = (struct refusals){ 0 };
	(void)pthread_mutex_init(&refusals->lock, NULL);
}

static bool may_log_locked(struct refusals *refusals, uint64_t *silent)
{
	int64_t minute = wallclock_uptime_ms() / 60000;

	if (minute != refusals->minute) {
		*silent = refusals->silent;
		refusals->minute = minute;
		refusals->lines = 0;
		refusals->silent = 0;
	}
	if (refusals->lines < LINES_A_MINUTE) {
		refusals->lines++;
		return true;
	}
	refusals->silent++;
	return false;
}

void refusal_count(struct refusals *refusals, enum refusal_kind kind)
{
	(void)pthread_mutex_lock(&refusals->lock);
	refusals->counts[kind]++;
	(void)pthread_mutex_unlock(&refusals->lock);
}

void refusal_report(
	struct refusals *refusals, enum refusal_kind kind, const char *reason, const char *detail)
{
	struct log_quoted quoted;
	uint64_t silent = 0;

	(void)pthread_mutex_lock(&refusals->lock);
	refusals->counts[kind]++;
	bool may_log = may_log_locked(refusals, &silent);

	(void)pthread_mutex_unlock(&refusals->lock);
	if (silent > 0)
		log_info("bridge: refusals not logged one by one count=%llu",
			(unsigned long long)silent);
	if (may_log)
		log_info("bridge: refused kind=%s reason=\"%s\" detail=%s", names[kind], reason,
			log_quote(&quoted, bytes_of_text(detail ? detail : "")));
}

void refusal_counts(struct refusals *refusals, uint64_t counts[REFUSAL_COUNT])
{
	(void)pthread_mutex_lock(&refusals->lock);
	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		counts[i] = refusals->counts[i];
	(void)pthread_mutex_unlock(&refusals->lock);
}

const char *refusal_name(enum refusal_kind kind)
{
	return names[kind];
}

json_t *refusal_json(struct refusals *refusals)
{
	uint64_t counts[REFUSAL_COUNT];
	json_t *object = json_object();

	refusal_counts(refusals, counts);
	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		(void)json_object_set_new(object, names[i], json_integer((json_int_t)counts[i]));
	return object;
}
