/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong PINs counted by uid and token: three in ten minutes and that uid has to wait. */
#include "guard.h"

#include <string.h>
#include <time.h>

int64_t guard_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void guard_init(struct guard *guard)
{
	memset(guard->entries, 0, sizeof(guard->entries));
	(void)pthread_mutex_init(&guard->lock, NULL);
}

static struct guard_entry *find_locked(struct guard *guard, uid_t uid)
{
	for (size_t i = 0; i < GUARD_UIDS_MAX; i++)
		if (guard->entries[i].wrong > 0 && guard->entries[i].uid == uid)
			return &guard->entries[i];
	return NULL;
}

/* A free entry, or the oldest one when there is none: the window has to end for somebody. */
static struct guard_entry *claim_locked(struct guard *guard)
{
	struct guard_entry *oldest = &guard->entries[0];

	for (size_t i = 0; i < GUARD_UIDS_MAX; i++) {
		if (guard->entries[i].wrong == 0)
			return &guard->entries[i];
		if (guard->entries[i].first_ms < oldest->first_ms)
			oldest = &guard->entries[i];
	}
	return oldest;
}

bool guard_is_locked(struct guard *guard, uid_t uid, int64_t now_ms)
{
	(void)pthread_mutex_lock(&guard->lock);
	struct guard_entry *entry = find_locked(guard, uid);

	if (entry && now_ms - entry->first_ms >= GUARD_WINDOW_MS) {
		entry->wrong = 0;
		entry = NULL;
	}
	bool locked = entry && entry->wrong >= GUARD_TRIES_MAX;

	(void)pthread_mutex_unlock(&guard->lock);
	return locked;
}

struct guard_entry guard_count_wrong(struct guard *guard, uid_t uid, int64_t now_ms)
{
	(void)pthread_mutex_lock(&guard->lock);
	struct guard_entry *entry = find_locked(guard, uid);

	if (!entry || now_ms - entry->first_ms >= GUARD_WINDOW_MS) {
		entry = entry ? entry : claim_locked(guard);
		*entry = (struct guard_entry){ .uid = uid, .first_ms = now_ms };
	}
	entry->wrong++;
	struct guard_entry copy = *entry;

	(void)pthread_mutex_unlock(&guard->lock);
	return copy;
}

bool guard_forget(struct guard *guard, uid_t uid)
{
	(void)pthread_mutex_lock(&guard->lock);
	struct guard_entry *entry = find_locked(guard, uid);

	if (entry)
		entry->wrong = 0;
	(void)pthread_mutex_unlock(&guard->lock);
	return entry != NULL;
}

void guard_forget_all(struct guard *guard)
{
	(void)pthread_mutex_lock(&guard->lock);
	memset(guard->entries, 0, sizeof(guard->entries));
	(void)pthread_mutex_unlock(&guard->lock);
}

void guard_restore(struct guard *guard, struct guard_entry entry)
{
	(void)pthread_mutex_lock(&guard->lock);
	struct guard_entry *place = find_locked(guard, entry.uid);

	if (!place && entry.wrong > 0)
		place = claim_locked(guard);
	if (place)
		*place = entry;
	(void)pthread_mutex_unlock(&guard->lock);
}
