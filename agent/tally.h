/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong PINs as token hosts counted them, so that a restart of a host forgets none. */
#ifndef IOTHSM_TALLY_H
#define IOTHSM_TALLY_H

#include "link.h"

enum { TALLY_MAX = 1024 };

struct tally_entry {
	bool used;
	size_t backend;
	char serial[LINK_SERIAL_LEN + 1];
	uid_t uid;
	CK_ULONG wrong;
	int64_t first_ms; /* CLOCK_BOOTTIME */
};

struct tally {
	struct tally_entry entries[TALLY_MAX];
};

/* In place of what was known of this uid and token; the oldest entry gives way in a full tally. */
void tally_keep(struct tally *tally, size_t backend, const struct link_message *message);

void tally_clear(struct tally *tally, size_t backend, const char *serial);

/* The next entry of this backend from *position on, as a message; false at the end. */
bool tally_next(
	const struct tally *tally, size_t backend, size_t *position, struct link_message *message);

#endif
