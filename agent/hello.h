/* SPDX-License-Identifier: Apache-2.0 */
/* The first frame of a connection: a new client, or a connection to be handed to a token host. */
#ifndef IOTHSM_HELLO_H
#define IOTHSM_HELLO_H

#include "front.h"

enum { HELLO_WAIT_MS = 10 * 1000 }; /* for a token host that is starting */

/* Judges the frame that was read; the caller is a client, waits, or is finished afterwards. */
void hello_judge(struct front *front, struct caller *caller, int64_t now_ms);

/* Hands a waiting caller over when its host is ready; refuses it when that makes no sense any more.
 */
void hello_retry(struct front *front, struct caller *caller, int64_t now_ms);

#endif
