/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong PINs counted by uid and token: three in ten minutes and that uid has to wait. */
#ifndef IOTHSM_GUARD_H
#define IOTHSM_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { GUARD_TRIES_MAX = 3, GUARD_WINDOW_MS = 10 * 60 * 1000, GUARD_UIDS_MAX = 256 };

struct guard_entry {
	uid_t uid;
	unsigned wrong;   /* 0: a free entry */
	int64_t first_ms; /* CLOCK_BOOTTIME of the first wrong one, so that a restart does not
			     forget */
};

struct guard {
	pthread_mutex_t lock; /* guards entries */
	struct guard_entry entries[GUARD_UIDS_MAX];
};

int64_t guard_now_ms(void);

void guard_init(struct guard *guard);
bool guard_is_locked(struct guard *guard, uid_t uid, int64_t now_ms);

/* Counts one wrong PIN; the entry as it stands now. */
struct guard_entry guard_count_wrong(struct guard *guard, uid_t uid, int64_t now_ms);

/* True when there was something to forget. */
bool guard_forget(struct guard *guard, uid_t uid);
void guard_forget_all(struct guard *guard);
void guard_restore(struct guard *guard, struct guard_entry entry);

#endif
