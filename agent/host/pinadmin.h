/* SPDX-License-Identifier: Apache-2.0 */
/* Changing and checking PINs, making and deleting tokens: all inside the gate exclusively. */
#ifndef IOTHSM_PINADMIN_H
#define IOTHSM_PINADMIN_H

#include "client.h"

CK_RV pinadmin_init_pin(struct client *client, CK_SESSION_HANDLE native, struct bytes pin);
CK_RV pinadmin_set_pin(struct client *client, CK_SESSION_HANDLE native, struct bytes old_pin,
	struct bytes new_pin);

/* Checks a PIN against the token itself; the login that was is restored. */
CK_RV pinadmin_check(struct client *client, CK_USER_TYPE user, struct bytes pin);

/* Checks a PIN and has the agent keep it. */
CK_RV pinadmin_keep(struct client *client, CK_USER_TYPE user, struct bytes pin);
CK_RV pinadmin_forget(struct client *client, CK_USER_TYPE user);

/* C_InitToken: label has 32 bytes. CKR_SESSION_EXISTS while any client has a session. */
CK_RV pinadmin_init_token(struct client *client, struct bytes so_pin, struct bytes label);

/* Deletes a SoftHSM2 token; the host has to restart after it. */
CK_RV pinadmin_delete_token(struct client *client, struct bytes so_pin);

#endif
