/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on the control connection: which slots exist, how the agent does. */
#ifndef IOTHSM_INQUIRY_H
#define IOTHSM_INQUIRY_H

#include "front.h"

enum { INQUIRY_HOLD_MS = 8 * 1000 };

/*
 * Answers the call that was read, or holds it while token hosts are about to be ready; called again
 * for a held one. A caller that sent no call is finished afterwards.
 */
void inquiry_answer(struct front *front, struct caller *caller, int64_t now_ms);

#endif
