/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge as its main program sees it: started, asked, reloaded, stopped. */
#ifndef IOTHSM_BRIDGE_H
#define IOTHSM_BRIDGE_H

#include <iothsm/pkcs11-3.2.h>
#include <jansson.h>

#include "config.h"

struct bridge;

/* Loads state and module and starts all threads; config outlives it. */
CK_RV bridge_start(const struct config *config, struct bridge **bridge);

/* Lists the tokens again and registers every CA again; subscriptions and running jobs go on.
 * Returns at once. */
void bridge_reload(struct bridge *bridge);

/* The state as an owned JSON object, NULL when out of memory. */
json_t *bridge_status(struct bridge *bridge);

/* Takes no more messages, answers what was taken (bounded), says goodbye and frees. */
void bridge_stop(struct bridge *bridge);

#endif
