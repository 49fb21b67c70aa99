/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to a token host that its socket does not take at once: queued, bounded, in order. */
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>

struct outbox_item {
	struct outbox_item *next;
	struct link_message message;
};

static bool is_full_now(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

static bool append(struct outbox *outbox, const struct link_message *message)
{
	struct outbox_item *item = outbox->count < OUTBOX_MAX ? malloc(sizeof(*item)) : NULL;

	if (!item)
		return false;
	item->next = NULL;
	item->message = *message;
	if (outbox->last)
		outbox->last->next = item;
	else
		outbox->first = item;
	outbox->last = item;
	outbox->count++;
	return true;
}

static void drop_first(struct outbox *outbox)
{
	struct outbox_item *item = outbox->first;

	outbox->first = item->next;
	if (!outbox->first)
		outbox->last = NULL;
	outbox->count--;
	explicit_bzero(item, sizeof(*item));
	free(item);
}

bool outbox_send(struct outbox *outbox, int link, const struct link_message *message)
{
	if (outbox->count == 0) {
		if (link_send(link, message, -1))
			return true;
		if (!is_full_now(errno))
			return false;
		outbox->progress_ms = wire_now_ms();
	}
	return append(outbox, message);
}

bool outbox_flush(struct outbox *outbox, int link)
{
	while (outbox->first) {
		if (!link_send(link, &outbox->first->message, -1))
			return is_full_now(errno);
		drop_first(outbox);
		outbox->progress_ms = wire_now_ms();
	}
	return true;
}

bool outbox_is_stuck(const struct outbox *outbox, int64_t now_ms)
{
	return outbox->count > 0 && now_ms - outbox->progress_ms >= OUTBOX_STUCK_MS;
}

void outbox_reset(struct outbox *outbox)
{
	while (outbox->first)
		drop_first(outbox);
}
