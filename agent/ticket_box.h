/* SPDX-License-Identifier: Apache-2.0 */
/* Logins that outlive a token host: what a restarted host gets back, in locked memory. */
#ifndef IOTHSM_TICKET_BOX_H
#define IOTHSM_TICKET_BOX_H

#include "link.h"

enum { TICKET_BOX_MAX = 4096 };

struct ticket_entry {
	bool used;
	size_t backend;
	uint8_t client[WIRE_CLIENT_ID_LEN];
	uid_t uid;
	char serial[LINK_SERIAL_LEN + 1];
	CK_USER_TYPE user;
	uint8_t ticket[WIRE_TICKET_LEN];
	struct secret secret;
};

struct ticket_box {
	struct ticket_entry *entries; /* TICKET_BOX_MAX of them */
};

/* CKR_HOST_MEMORY; memory that cannot be locked is a warning. */
CK_RV ticket_box_init(struct ticket_box *box);
void ticket_box_reset(struct ticket_box *box);

/* In place of an older one of the same client, token and user; false when the box is full. */
bool ticket_box_keep(struct ticket_box *box, size_t backend, const struct link_message *message);

/* client all zero: of every client. */
void ticket_box_void(
	struct ticket_box *box, size_t backend, const uint8_t *client, const char *serial);

/* Whatever the client had, on any token. */
void ticket_box_forget_client(struct ticket_box *box, const uint8_t *client);

/* The next entry of this backend from *position on, as a message; false at the end. */
bool ticket_box_next(const struct ticket_box *box, size_t backend, size_t *position,
	struct link_message *message);

#endif
