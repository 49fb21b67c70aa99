/* SPDX-License-Identifier: Apache-2.0 */
/* What a token host is told: its configuration, and the secrets that outlived its predecessor. */
#ifndef IOTHSM_BRIEFING_H
#define IOTHSM_BRIEFING_H

#include "front.h"

/* All from LINK_CONFIG to LINK_START; no secrets for a host from which they are withheld. */
void briefing_give(struct front *front, size_t backend);

/* What is no secret of it, without LINK_START; false when the process does not take it. */
bool briefing_begin(struct front *front, size_t backend, struct process *process);

/* The kept PINs of the tokens it has, as far as it did not get them yet. */
void briefing_pins(struct front *front, size_t backend);

void briefing_tickets(struct front *front, size_t backend);
void briefing_guards(struct front *front, size_t backend);

/* To every host after a change of the configuration: also which PINs are not kept any more. */
void briefing_renew_pins(struct front *front);

#endif
