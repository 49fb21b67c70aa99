/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a host's memory that the calls of one user may take. */
#ifndef IOTHSM_SHARE_H
#define IOTHSM_SHARE_H

#include <sys/types.h>

#include "host.h"

/* Of what calls may take in a host, so much is for one user. */
enum { SHARE_OF_USER = 4 };

struct share {
	struct share *next; /* with refs: guarded by host->lock */
	unsigned refs;      /* clients of the user */
	uid_t uid;
	struct budget budget;
};

/* That of the user, put back by share_put_locked(); NULL when out of memory. */
struct share *share_get_locked(struct host *host, uid_t uid);

/* After what was taken of it was given back. */
void share_put_locked(struct host *host, struct share *share);

#endif
