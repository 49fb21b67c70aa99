/* SPDX-License-Identifier: Apache-2.0 */
/* What token hosts say to the front door: every word of it is checked. */
#ifndef IOTHSM_UPLINK_H
#define IOTHSM_UPLINK_H

#include "front.h"

/* Deals with all that has arrived; a host that breaks the rules is ended. */
void uplink_drain(struct front *front, size_t backend);

#endif
