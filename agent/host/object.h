/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual object handles: durable where an object can be known again, and hidden from those it is
 * not for. */
#ifndef IOTHSM_OBJECT_H
#define IOTHSM_OBJECT_H

#include "identity.h"

struct client;
struct object;
struct session;
struct token;

/* Session objects, which anybody can make, leave half of the table to those of the token. */
enum { OBJECT_BUCKETS = 1024, OBJECTS_MAX = 100000, OBJECTS_OF_SESSIONS_MAX = OBJECTS_MAX / 2 };

struct objects {
	pthread_rwlock_t lock; /* guards all below */
	struct object *by_handle[OBJECT_BUCKETS];
	struct object *by_native[OBJECT_BUCKETS];
	struct object *by_identity[OBJECT_BUCKETS];
	size_t count, of_sessions;
	unsigned generation; /* native handles of an older one are not known to be valid */
	bool enumerated;     /* everything visible to this generation has been seen */
};

/* What dispatch needs to know of an object; a copy. */
struct object_view {
	CK_OBJECT_HANDLE handle; /* the client's */
	CK_OBJECT_HANDLE native; /* the backend's, CK_INVALID_HANDLE for one of the store */
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE key_type; /* CK_UNAVAILABLE_INFORMATION for what has none */
	bool private, on_token;
	uint64_t store_id;
};

void objects_init(struct objects *objects);
void objects_reset(struct objects *objects);

/* After a native logout or login: private native handles may have changed; all: after every session
 * closed. */
void objects_invalidate(struct token *token, bool all);

/* After a native login: objects that were hidden until now may answer to unknown handles. */
void objects_expect_more(struct token *token);

/* Every object of the token is gone (C_InitToken). */
void objects_forget_all(struct token *token);

/* The object behind a client's handle; CKR_OBJECT_HANDLE_INVALID when there is none that it may
 * see. */
CK_RV object_resolve(struct token *token, const struct client *client, CK_OBJECT_HANDLE handle,
	struct object_view *view);

/* The client's handle of a native object; CKR_OBJECT_HANDLE_INVALID when it is not for this client
 * to see. */
CK_RV object_map(struct token *token, const struct client *client, CK_OBJECT_HANDLE native,
	struct object_view *view);

/* A native object that this session has just created. */
CK_RV object_register(struct token *token, const struct session *session, CK_OBJECT_HANDLE native,
	struct object_view *view);

/* An object of the agent's store. */
CK_RV object_map_stored(struct token *token, uint64_t store_id, struct object_view *view);

/* Takes one private session object of a client out of the table, to be destroyed; false when none
 * is left. */
bool object_take_private(
	struct token *token, const struct client *client, CK_OBJECT_HANDLE *native);

/* Whether a logout of the token would end private session objects; the client that has some. */
bool object_private_holder(struct token *token, uid_t *uid, pid_t *pid);

void object_forget(struct token *token, CK_OBJECT_HANDLE handle);

/* Session objects of a session that ends; session NULL: of every session of the client. */
void objects_forget_session(
	struct token *token, const struct client *client, const struct session *session);

#endif
