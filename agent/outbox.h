/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to a token host that its socket does not take at once: queued, bounded, in order. */
#ifndef IOTHSM_OUTBOX_H
#define IOTHSM_OUTBOX_H

#include "link.h"

enum { OUTBOX_MAX = 8192, OUTBOX_STUCK_MS = 30 * 1000 };

struct outbox_item;

struct outbox {
	struct outbox_item *first, *last;
	size_t count;
	int64_t progress_ms; /* when something went out, or the queue began; wire_now_ms() */
};

/* False when the host cannot be written to, or takes nothing any more: it has to go. */
bool outbox_send(struct outbox *outbox, int link, const struct link_message *message);

/* Writes what the socket takes now; false as above. */
bool outbox_flush(struct outbox *outbox, int link);

bool outbox_is_stuck(const struct outbox *outbox, int64_t now_ms);

/* Wipes and frees all that waits. */
void outbox_reset(struct outbox *outbox);

#endif
