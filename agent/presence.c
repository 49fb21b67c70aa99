/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that came or went, for C_WaitForSlotEvent. */
#include "presence.h"

#include "supervise.h"

enum { EVENTS_A_MILLISECOND = 1000 }; /* far more than an agent can count */

void presence_start(struct front *front)
{
	front->events = (uint64_t)wire_now_ms() * EVENTS_A_MILLISECOND;
}

bool presence_of_slot(const struct front *front, size_t backend, const struct slot *slot)
{
	return front->backends[backend].state == BACKEND_READY &&
	       (slot->info.flags & CKF_TOKEN_PRESENT) != 0;
}

static void note_backend(struct front *front, size_t backend)
{
	struct slot_list *list = &front->slots.lists[backend];

	for (size_t i = 0; i < list->count; i++) {
		struct slot *slot = &list->items[i];
		bool present = presence_of_slot(front, backend, slot);

		if (present == slot->present)
			continue;
		slot->present = present;
		slot->changed = ++front->events;
	}
}

void presence_note(struct front *front, int64_t now_ms)
{
	if (supervise_is_settling(front, now_ms))
		return;
	for (size_t i = 0; i < front->slots.count; i++)
		note_backend(front, i);
}

static bool may_hear(
	const struct front *front, const struct peer *peer, size_t backend, const struct slot *slot)
{
	const struct token_name token = { front->slots.names[backend], slot->serial, slot->label };

	return (rights_of(front->settings, peer, &token).allow & IOTHSM_RIGHT_USE) != 0;
}

const struct slot *presence_next(struct front *front, const struct peer *peer, uint64_t after)
{
	const struct slot *next = NULL;

	for (size_t i = 0; i < front->slots.count; i++) {
		for (size_t k = 0; k < front->slots.lists[i].count; k++) {
			const struct slot *slot = &front->slots.lists[i].items[k];

			if (slot->changed > after && (!next || slot->changed < next->changed) &&
				may_hear(front, peer, i, slot))
				next = slot;
		}
	}
	return next;
}
