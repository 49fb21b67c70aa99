/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may be said of one user, so that a hostile one cannot flood the log. */
#ifndef IOTHSM_THROTTLE_H
#define IOTHSM_THROTTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	THROTTLE_BURST = 10, /* in one window */
	THROTTLE_WINDOW_MS = 60 * 1000,
	THROTTLE_USERS_MAX = 64 /* more at a time share what the oldest ones leave */
};

struct throttle_entry {
	uint32_t user;
	unsigned said;
	unsigned long kept_back;
	int64_t since_ms; /* 0: never used */
};

struct throttle {
	pthread_mutex_t lock; /* guards the entries */
	struct throttle_entry entries[THROTTLE_USERS_MAX];
};

void throttle_init(struct throttle *throttle);
void throttle_reset(struct throttle *throttle);

/* Whether to say it now; then *kept_back is how often it was not since it was said last. */
bool throttle_admit(
	struct throttle *throttle, uint32_t user, int64_t now_ms, unsigned long *kept_back);

#endif
