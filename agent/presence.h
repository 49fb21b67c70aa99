/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that came or went, for C_WaitForSlotEvent. */
#ifndef IOTHSM_PRESENCE_H
#define IOTHSM_PRESENCE_H

#include "front.h"

/* Agents that follow each other never number an event alike: to be called once, at the start. */
void presence_start(struct front *front);

/* Numbers each slot whose token came or went; what happens while a host restarts is no event. */
void presence_note(struct front *front, int64_t now_ms);

bool presence_of_slot(const struct front *front, size_t backend, const struct slot *slot);

/* The first change after the numbered one that the peer may hear of; NULL when there is none. */
const struct slot *presence_next(struct front *front, const struct peer *peer, uint64_t after);

#endif
