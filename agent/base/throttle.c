/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may be said of one user, so that a hostile one cannot flood the log. */
#include "throttle.h"

void throttle_init(struct throttle *throttle)
{
	*throttle = (struct throttle){ 0 };
	(void)pthread_mutex_init(&throttle->lock, NULL);
}

void throttle_reset(struct throttle *throttle)
{
	(void)pthread_mutex_destroy(&throttle->lock);
}

/* That of the user, else the one whose window began first. */
static struct throttle_entry *find_locked(struct throttle *throttle, uint32_t user)
{
	struct throttle_entry *oldest = &throttle->entries[0];

	for (int i = 0; i < THROTTLE_USERS_MAX; i++) {
		struct throttle_entry *entry = &throttle->entries[i];

		if (entry->since_ms != 0 && entry->user == user)
			return entry;
		if (entry->since_ms < oldest->since_ms)
			oldest = entry;
	}
	*oldest = (struct throttle_entry){ .user = user };
	return oldest;
}

static bool admit_locked(struct throttle_entry *entry, int64_t now_ms, unsigned long *kept_back)
{
	if (entry->since_ms == 0 || now_ms - entry->since_ms >= THROTTLE_WINDOW_MS) {
		entry->since_ms = now_ms > 0 ? now_ms : 1;
		entry->said = 0;
	}
	if (entry->said >= THROTTLE_BURST) {
		entry->kept_back++;
		return false;
	}
	entry->said++;
	*kept_back = entry->kept_back;
	entry->kept_back = 0;
	return true;
}

bool throttle_admit(
	struct throttle *throttle, uint32_t user, int64_t now_ms, unsigned long *kept_back)
{
	(void)pthread_mutex_lock(&throttle->lock);
	bool admitted = admit_locked(find_locked(throttle, user), now_ms, kept_back);

	(void)pthread_mutex_unlock(&throttle->lock);
	return admitted;
}
