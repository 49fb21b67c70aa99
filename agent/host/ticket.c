/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets of the clients of one token: a login that survives a restart of the host. */
#include "ticket.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/mman.h>

struct ticket {
	struct ticket *next;
	uint8_t client[WIRE_CLIENT_ID_LEN];
	uid_t uid;
	CK_USER_TYPE user;
	uint8_t ticket[WIRE_TICKET_LEN];
	struct secret pin;
};

void tickets_init(struct tickets *tickets)
{
	*tickets = (struct tickets){ 0 };
	(void)pthread_mutex_init(&tickets->lock, NULL);
}

static void ticket_free(struct ticket *ticket)
{
	explicit_bzero(ticket, sizeof(*ticket));
	(void)munlock(ticket, sizeof(*ticket));
	free(ticket);
}

void tickets_reset(struct tickets *tickets)
{
	ticket_forget(tickets, NULL);
	(void)pthread_mutex_destroy(&tickets->lock);
}

CK_RV ticket_keep(struct tickets *tickets, const struct link_message *message)
{
	struct ticket *ticket = calloc(1, sizeof(*ticket));

	if (!ticket)
		return CKR_HOST_MEMORY;
	(void)mlock(ticket, sizeof(*ticket));
	memcpy(ticket->client, message->client, sizeof(ticket->client));
	memcpy(ticket->ticket, message->ticket, sizeof(ticket->ticket));
	ticket->uid = message->uid;
	ticket->user = message->user;
	ticket->pin = message->secret;
	(void)pthread_mutex_lock(&tickets->lock);
	bool fits = tickets->count < TICKETS_MAX;

	if (fits) {
		ticket->next = tickets->first;
		tickets->first = ticket;
		tickets->count++;
	}
	(void)pthread_mutex_unlock(&tickets->lock);
	if (!fits)
		ticket_free(ticket);
	return fits ? CKR_OK : CKR_HOST_MEMORY;
}

bool ticket_redeem(struct tickets *tickets, const uint8_t *client, uid_t uid, CK_USER_TYPE user,
	struct bytes ticket, struct secret *pin)
{
	bool found = false;

	if (ticket.len != WIRE_TICKET_LEN)
		return false;
	(void)pthread_mutex_lock(&tickets->lock);
	for (const struct ticket *at = tickets->first; at && !found; at = at->next) {
		if (at->uid != uid || at->user != user ||
			CRYPTO_memcmp(at->client, client, WIRE_CLIENT_ID_LEN) != 0 ||
			CRYPTO_memcmp(at->ticket, ticket.data, WIRE_TICKET_LEN) != 0)
			continue;
		*pin = at->pin;
		found = true;
	}
	(void)pthread_mutex_unlock(&tickets->lock);
	return found;
}

void ticket_forget(struct tickets *tickets, const uint8_t *client)
{
	(void)pthread_mutex_lock(&tickets->lock);
	struct ticket **at = &tickets->first;

	while (*at) {
		struct ticket *ticket = *at;

		if (client && memcmp(ticket->client, client, WIRE_CLIENT_ID_LEN) != 0) {
			at = &ticket->next;
			continue;
		}
		*at = ticket->next;
		tickets->count--;
		ticket_free(ticket);
	}
	(void)pthread_mutex_unlock(&tickets->lock);
}
