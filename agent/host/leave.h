/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a host that another one took over from: each client goes when it has nothing to lose.
 */
#ifndef IOTHSM_LEAVE_H
#define IOTHSM_LEAVE_H

#include "client.h"

enum { LEAVE_WORK_MS = 10 * 1000 }; /* for operations and session objects; a call may last longer */

/* Lets all clients go that can, and tells the front which others stay. */
void leave_begin(struct host *host);

/* The same again, for those who could not. */
void leave_try_all(struct host *host);

/* No connection and no client with work is left. */
bool leave_is_done(struct host *host);

/* Around every call of a client; false when it has gone: the call is not to be executed here. */
bool leave_enter_call(struct client *client);
void leave_end_call(struct client *client);

#endif
