/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of hsm share: tokens and their login. */
#ifndef IOTHSM_HSM_TOKEN_H
#define IOTHSM_HSM_TOKEN_H

#include <pthread.h>

#include "hsm.h"
#include "secret.h"

/* What others may look at while a call on the token is under way. */
struct hsm_view {
	struct hsm_token_status status;
	CK_SLOT_ID slot;
	bool logged_in;
};

/* Locks are taken in the order of their appearance; between them callers take their own. */
struct hsm_token {
	pthread_mutex_t
		lock; /* held during calls on the token's own session; guards what follows */
	CK_FLAGS flags;
	bool open; /* the session below, which holds the login for all others */
	CK_SESSION_HANDLE session;
	bool pin_refused; /* never tried again by itself */
	struct secret refused_pin;

	pthread_mutex_t view_lock; /* never held during a call; guards view */
	struct hsm_view view;
};

struct hsm {
	const struct config *config;
	void *library;
	CK_FUNCTION_LIST *functions;
	pthread_mutex_t lock; /* guards the counts; elements never move or go */
	struct hsm_token *tokens[HSM_TOKENS_MAX];
	size_t token_count;
	struct hsm_key *keys[HSM_KEYS_MAX];
	size_t key_count;
};

struct hsm_view hsm_token_view(struct hsm_token *token);
void hsm_token_set_logged_in(struct hsm_token *token, bool logged_in);
void hsm_token_set_present(struct hsm_token *token, CK_SLOT_ID slot);
void hsm_token_set_pin_good(struct hsm_token *token);
void hsm_token_set_ready(struct hsm_token *token);
void hsm_token_confirm(struct hsm_token *token); /* it has just done what was asked */
void hsm_token_set_absent(struct hsm_token *token);
void hsm_token_set_failed(struct hsm_token *token, const char *what, CK_RV rv);

/* The token's own session, opened and logged in as far as the token needs it. */
CK_RV hsm_token_open_locked(struct hsm *hsm, struct hsm_token *token);
bool hsm_token_is_open_locked(struct hsm *hsm, struct hsm_token *token); /* and logged in */
CK_RV hsm_token_login_locked(struct hsm *hsm, struct hsm_token *token, CK_SESSION_HANDLE session);
void hsm_token_close_locked(struct hsm *hsm, struct hsm_token *token);

/* The token of a slot as the module describes it now, a new one if need be; NULL when there are too
 * many. */
struct hsm_token *hsm_token_find(struct hsm *hsm, CK_SLOT_ID slot, const CK_TOKEN_INFO *info);
size_t hsm_token_count(struct hsm *hsm);

/* All handles (at most max) of the objects of a class, with CKA_ID id if that has data. */
CK_RV hsm_find(CK_FUNCTION_LIST *functions, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class,
	struct bytes id, CK_OBJECT_HANDLE *handles, size_t max, size_t *count);

void hsm_key_free(struct hsm_key *key);

#endif
