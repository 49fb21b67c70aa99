/* SPDX-License-Identifier: Apache-2.0 */
/* Many virtual logins over one native login of a token; the SO's is a phase of its own. */
#ifndef IOTHSM_LOGIN_H
#define IOTHSM_LOGIN_H

#include "client.h"
#include "session.h"

/* pin.data NULL: the one the agent keeps. *has_ticket false: none was made (SO). */
CK_RV login_user(struct client *client, struct bytes pin, uint8_t *ticket, bool *has_ticket);
CK_RV login_so(struct client *client, struct bytes pin);

/* For the operation that is active in the session (CKA_ALWAYS_AUTHENTICATE); inside the gate. */
CK_RV login_context(struct session *session, struct bytes pin);

/* By the ticket of an earlier C_Login; CKR_USER_NOT_LOGGED_IN when it is not worth anything any
 * more. */
CK_RV login_restore(struct client *client, CK_USER_TYPE user, struct bytes ticket);

CK_RV login_logout(struct client *client);

/* The client has no session left: its login ends without an error. */
void login_end(struct client *client);

/* Inside the gate exclusively, in place of an SO client that forgot its phase. */
void login_expire_so(struct token *token);

/* Inside the gate exclusively, around what needs the token's native login for itself. */
CK_RV login_native(struct token *token, CK_USER_TYPE user, struct bytes pin);
void login_suspend(struct token *token); /* logs out natively */
void login_resume(struct token *token);  /* logs in again for the clients that stayed */
void login_forget_all(struct token *token);
void login_void_tickets(struct token *token, const uint8_t *client); /* NULL: every one */

/* The given PIN, or the kept one for those who may use it: CKR_ARGUMENTS_BAD when there is none. */
CK_RV login_choose_pin(
	struct client *client, CK_USER_TYPE user, struct bytes pin, struct secret *chosen);

/* The C_* prototypes know no const; a library does not write to a PIN. */
CK_UTF8CHAR *login_chars(struct bytes pin);

/*
 * A token can have one user at a time, and with its logout the private session objects of every
 * client end: CKR_USER_ANOTHER_ALREADY_LOGGED_IN while there are any.
 */
CK_RV login_check_suspendable(struct token *token);

/* CKR_USER_NOT_LOGGED_IN: no client is logged in as user, the token itself has to say. */
CK_RV login_check_by_hash(struct client *client, struct bytes pin);

#endif
