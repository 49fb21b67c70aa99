/* SPDX-License-Identifier: Apache-2.0 */
/* One token of the backend: its native sessions, its one native login, and what all clients share
 * of it. */
#ifndef IOTHSM_TOKEN_H
#define IOTHSM_TOKEN_H

#include <stdatomic.h>

#include "gate.h"
#include "guard.h"
#include "host.h"
#include "object.h"
#include "pin.h"
#include "store.h"
#include "ticket.h"

/* Nobody is logged in: no CK_USER_TYPE of PKCS#11. */
#define USER_NOBODY (~0UL)

enum {
	TOKEN_POOL_MAX = 64,
	TOKEN_WAIT_MS =
		30000, /* for a turn: longer than an SO phase lasts, shorter than the watchdog */
	TOKEN_SO_IDLE_MS = 20000, /* without a call of the SO: others may end its phase */
	TOKEN_MECHANISMS_MAX = 512
};

/* What the backend says of a slot. */
struct token_facts {
	bool present;
	char serial[LINK_SERIAL_LEN + 1]; /* empty: not initialised */
	char label[32 + 1];
	CK_SLOT_INFO slot_info;
	CK_FLAGS flags;
};

struct police_keys;

struct token {
	struct host *host;
	CK_SLOT_ID slot; /* the backend's own */
	_Atomic bool present;
	struct token_facts facts; /* serial: changed exclusively inside the gate */

	struct gate gate;
	_Atomic CK_USER_TYPE native_user; /* with client logins and so_client: changed exclusively
					     inside the gate */
	_Atomic unsigned users;           /* clients logged in as user */
	struct client *so_client;

	pthread_mutex_t lock;     /* guards pool, anchor, mechanisms */
	CK_SESSION_HANDLE anchor; /* keeps handles and login alive while the pool is empty */
	CK_SESSION_HANDLE pool[TOKEN_POOL_MAX];
	size_t pool_count;
	CK_MECHANISM_TYPE *mechanisms; /* as clients see them; NULL: not read yet */
	CK_ULONG mechanism_count, native_mechanism_count; /* the backend's own come first */

	pthread_mutex_t provisioning; /* one provisioning job at a time */
	struct pins *pins;
	struct tickets tickets;
	struct guard guard;
	struct objects objects;
	struct store *store;
	struct police_keys *police_keys;
	struct record *record; /* guarded by lock; NULL: nothing was recorded yet */
};

struct token *token_new(struct host *host, CK_SLOT_ID slot);
void token_free(struct token *token);

CK_RV token_look(struct host *host, CK_SLOT_ID slot, struct token_facts *facts);

/* Takes them over; the store is opened for the serial. */
void token_take_facts(struct token *token, const struct token_facts *facts);

/* A turn inside the token's gate for this client, an overdue SO phase ended; who may be NULL for
 * the host itself. */
CK_RV token_enter(
	struct token *token, const struct client *client, enum gate_mode mode, int64_t wait_ms);
void token_leave(struct token *token, const struct client *client);

/* An idle native read-write session; put back only when no operation is active in it. */
CK_RV token_take_session(struct token *token, CK_SESSION_HANDLE *session);
void token_put_session(struct token *token, CK_SESSION_HANDLE session);
void token_close_session(struct token *token, CK_SESSION_HANDLE session);

/* Opens the anchor when it is not open yet. */
CK_RV token_hold(struct token *token, CK_SESSION_HANDLE *anchor);

/* Closes every native session that no virtual session holds (before C_InitToken). */
void token_close_all(struct token *token);

/* Whether the host, not the backend, does this hashed mechanism. */
bool token_hashes(struct token *token, CK_MECHANISM_TYPE type);

/* The mechanisms as clients see them; the list lives as long as the token. */
CK_RV token_mechanisms(struct token *token, const CK_MECHANISM_TYPE **list, CK_ULONG *count);

#endif
