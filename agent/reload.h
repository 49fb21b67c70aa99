/* SPDX-License-Identifier: Apache-2.0 */
/* A changed agent.conf while the agent runs: rights and kept PINs at once, the rest at the next
 * start. */
#ifndef IOTHSM_RELOAD_H
#define IOTHSM_RELOAD_H

#include "front.h"

/* Logs what became of it; a faulty file changes nothing. */
void reload_settings(struct front *front, const char *path);

#endif
