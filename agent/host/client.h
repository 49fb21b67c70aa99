/* SPDX-License-Identifier: Apache-2.0 */
/* One application on one token: its rights, its login and its sessions, shared by all its
 * connections. */
#ifndef IOTHSM_CLIENT_H
#define IOTHSM_CLIENT_H

#include "token.h"

struct session;
struct share;

enum { CLIENT_SESSIONS_MAX = 1024, CLIENT_BUCKETS = 64, CLIENT_CONNECTIONS_MAX = 32 };

/* Over all clients of a user, and all tokens of the host: a thread each. */
enum { CLIENT_CONNECTIONS_OF_UID_MAX = 256 };

/* Session objects: each takes room in the token's table. */
enum { CLIENT_OBJECTS_MAX = 4096 };

struct client {
	struct client *next; /* with refs and connections: guarded by host->lock */
	unsigned refs;       /* connections and teardown; the front's own knowledge of it is one */
	unsigned connections;
	bool known_to_front;
	_Atomic bool moved;     /* to the host that took over */
	_Atomic unsigned calls; /* that are being executed */
	struct token *token;
	struct share *share; /* of memory */
	uint8_t id[WIRE_CLIENT_ID_LEN];
	uid_t uid;
	gid_t gid;
	pid_t pid; /* that of its first connection */
	_Atomic CK_FLAGS rights;
	_Atomic bool mechanisms_limited;
	_Atomic CK_SLOT_ID slot; /* as the client sees it */
	_Atomic CK_USER_TYPE
		login; /* USER_NOBODY, CKU_USER or CKU_SO; changed exclusively inside the gate */
	_Atomic unsigned epoch; /* counts logouts: operations begun before one end with it */
	pthread_mutex_t lock;   /* guards the sessions and the list of mechanisms */
	struct link_mechanisms mechanisms;
	struct session *buckets[CLIENT_BUCKETS];
	unsigned sessions, read_only_sessions;
	unsigned objects; /* of its sessions; guarded by token->objects.lock */
};

/* The client of this id on this token with one more connection; NULL when out of memory or of
 * connections. */
struct client *client_attach(
	struct host *host, struct token *token, const struct link_message *message);

/* One connection less; the last one of a client that the front has given up ends its sessions and
 * login. */
void client_detach(struct client *client);

/* The front says that the application is gone; ends what its connections do not hold any more. */
void client_gone(struct host *host, const uint8_t *id);

/* After the last connection and C_Finalize: frees the clients that the front did not give up. */
void client_free_all(struct host *host);

/* Whether a client other than this one (NULL: any client) has sessions on the token. */
bool client_is_token_used(struct token *token, const struct client *except);

/* After the token lost its login: every client of it is logged out. */
void client_log_out_all(struct token *token);

#endif
