/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets of the clients of one token: a login that survives a restart of the host. */
#ifndef IOTHSM_TICKET_H
#define IOTHSM_TICKET_H

#include <pthread.h>

#include "link.h"

enum { TICKETS_MAX = 4096 };

struct ticket;

struct tickets {
	pthread_mutex_t lock; /* guards first, count */
	struct ticket *first; /* those a former host made, as the front gave them back */
	size_t count;
};

void tickets_init(struct tickets *tickets);
void tickets_reset(struct tickets *tickets);

/* Keeps what the front gave back. */
CK_RV ticket_keep(struct tickets *tickets, const struct link_message *message);

/* The PIN behind a client's ticket, compared in constant time; false when there is none like it. */
bool ticket_redeem(struct tickets *tickets, const uint8_t *client, uid_t uid, CK_USER_TYPE user,
	struct bytes ticket, struct secret *pin);

/* client NULL: every one. */
void ticket_forget(struct tickets *tickets, const uint8_t *client);

#endif
