/* SPDX-License-Identifier: Apache-2.0 */
/* From a decoded Call to its Reply: rights, session, turn, handles, handler, by one table. */
#ifndef IOTHSM_DISPATCH_H
#define IOTHSM_DISPATCH_H

#include "client.h"

/* Everything in the reply points into the arena, the call's frame or static memory. */
void dispatch_call(struct client *client, const Call *call, struct arena *arena, Reply *reply);

#endif
