/* SPDX-License-Identifier: Apache-2.0 */
/* A secret of bounded length in locked memory that no core dump shows, wiped when it is freed. */
#ifndef IOTHSM_SECRET_H
#define IOTHSM_SECRET_H

#include "bytes.h"

enum { SECRET_MAX = 256 };

/* Embedded or on the stack; len 0 and present false: no secret. */
struct secret {
	bool present;
	size_t len;
	uint8_t data[SECRET_MAX];
};

/* False when it does not fit; the old value is wiped in any case. */
bool secret_set(struct secret *secret, struct bytes value);
bool secret_equal(
	const struct secret *secret, struct bytes value); /* constant time for equal lengths */
void secret_wipe(struct secret *secret);

static inline struct bytes secret_bytes(const struct secret *secret)
{
	return bytes_of(secret->data, secret->len);
}

/* Reads the first line of a file (no line end) as a secret; false with errno set, EFBIG if too
 * long. */
bool secret_read_file(struct secret *secret, const char *path);

/* Makes the process undumpable, and lets no program that it starts gain rights; called first in
 * main(). */
void secret_harden_process(void);

#endif
