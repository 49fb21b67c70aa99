/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual sessions: keyed by the number that the client chose, with a native one only while needed.
 */
#ifndef IOTHSM_SESSION_H
#define IOTHSM_SESSION_H

#include "client.h"
#include "hashed.h"
#include "oaep.h"

enum operation {
	OPERATION_ENCRYPT,
	OPERATION_DECRYPT,
	OPERATION_DIGEST,
	OPERATION_SIGN,
	OPERATION_SIGN_RECOVER,
	OPERATION_VERIFY,
	OPERATION_VERIFY_RECOVER
};

struct provisioning_job;
struct police_job;
struct record_job;

struct find {
	bool active;
	CK_OBJECT_HANDLE *handles;
	size_t count, next;
};

struct session {
	struct session *next; /* with refs and closed: guarded by client->lock */
	unsigned refs;
	bool closed;
	struct client *client;
	CK_SESSION_HANDLE number;
	CK_FLAGS flags;
	pthread_mutex_t lock;     /* one call at a time; guards what follows */
	CK_SESSION_HANDLE native; /* while an operation is active */
	CK_SESSION_HANDLE holder; /* while session objects of this session exist */
	unsigned epoch;           /* of the client, when the operations began */
	unsigned active;          /* 1 << enum operation: active in the native session */
	struct hashed sign, verify;
	struct oaep encrypt, decrypt;
	struct provisioning_job *job;
	struct police_job *police; /* of a signature; NULL: the key is under no policy */
	struct record_job *records[OPERATION_VERIFY_RECOVER + 1]; /* NULL: not under record */
	struct find find;
};

CK_RV session_open(struct client *client, CK_SESSION_HANDLE number, CK_FLAGS flags);

/* For the call that another thread of the client makes in the same session. */
enum { SESSION_WAIT_MS = 15 * 1000 };

/* Referenced and locked; CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_ERROR when the deadline passed. */
CK_RV session_get(struct client *client, CK_SESSION_HANDLE number, int64_t deadline_ms,
	struct session **session);
void session_put(struct session *session);

/* Ends operations and session objects; the last session of a client takes its login with it. */
CK_RV session_close(struct client *client, CK_SESSION_HANDLE number, int64_t deadline_ms);
CK_RV session_close_all(struct client *client, int64_t deadline_ms);

/* After C_Finalize, which ended all native sessions: frees what is left of them. */
void session_drop_all(struct client *client);

bool session_is_read_only(const struct session *session);
CK_STATE session_state(const struct session *session);

/* The native session of the active operation, taken from the pool when there is none. */
CK_RV session_native(struct session *session, CK_SESSION_HANDLE *native);

/* The native session whose end is the end of this session's objects. */
CK_RV session_holder(struct session *session, CK_SESSION_HANDLE *holder);

/* Gives the native session back when nothing is active in it; spoiled: closes it, whatever is
 * active. */
void session_release(struct session *session, bool spoiled);

/* Ends operations, find and job without a result. */
void session_cancel(struct session *session);

void session_end_find(struct session *session);

/* Ends what the host itself does of these operations (1 << enum operation). */
void session_end_own(struct session *session, unsigned operations);

#endif
