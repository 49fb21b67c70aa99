/* SPDX-License-Identifier: Apache-2.0 */
/* A revocation list on its way to the platform. */
#ifndef IOTHSM_BRIDGE_DELIVERY_H
#define IOTHSM_BRIDGE_DELIVERY_H

#include "bridge_core.h"

/*
 * Sends the sealed list until the platform has it, it refuses it, or the request's time to live is
 * over; an attempt whose reply is lost is repeated, which the platform sees as the same list under
 * the same siguuid. False with the reason of the last attempt.
 */
bool delivery_run(struct bridge *bridge, struct rest *rest, struct task *task, const char *smime,
	char reason[PLATFORM_REASON_MAX]);

#endif
