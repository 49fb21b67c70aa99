/* SPDX-License-Identifier: Apache-2.0 */
/* Growing intervals with jitter between attempts. */
#ifndef IOTHSM_BACKOFF_H
#define IOTHSM_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t first_ms;
	int64_t max_ms;
	unsigned int attempts;
};

/* The wait before the next attempt: doubles each time up to max_ms, then between 75 and 125 percent
 * of it. */
int64_t backoff_next_ms(struct backoff *backoff);

static inline void backoff_reset(struct backoff *backoff)
{
	backoff->attempts = 0;
}

#endif
