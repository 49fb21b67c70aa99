/* SPDX-License-Identifier: Apache-2.0 */
/* Growing intervals with jitter between attempts. */
#include "backoff.h"

#include <openssl/rand.h>

int64_t backoff_next_ms(struct backoff *backoff)
{
	int64_t wait_ms = backoff->first_ms;
	uint16_t random = 0;

	for (unsigned int i = 0; i < backoff->attempts && wait_ms < backoff->max_ms; i++)
		wait_ms *= 2;
	if (wait_ms > backoff->max_ms)
		wait_ms = backoff->max_ms;
	if (backoff->attempts < UINT16_MAX)
		backoff->attempts++;
	/* Without randomness the appliances of one customer merely retry in step. */
	if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
		random = UINT16_MAX / 2;
	return wait_ms * 3 / 4 + wait_ms / 2 * random / UINT16_MAX;
}
