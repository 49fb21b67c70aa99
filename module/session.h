/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions of this process, as they outlive connections, and the login of each slot. */
#ifndef IOTHSM_SESSION_H
#define IOTHSM_SESSION_H

#include "connection.h"

enum {
	SESSIONS_MAX = 1024,
	SESSION_PARAMETER_MAX = 64 /* longer mechanism parameters are not worth remembering */
};

enum operation_kind {
	OPERATION_NONE,
	OPERATION_ENCRYPT,
	OPERATION_DECRYPT,
	OPERATION_DIGEST,
	OPERATION_SIGN,
	OPERATION_VERIFY,
	OPERATION_KINDS
};

/* What an Init call says: kept by value, because it may travel later than it was made. */
struct operation {
	CK_MECHANISM_TYPE mechanism;
	CK_OBJECT_HANDLE key;
	bool has_parameter;
	size_t len;
	uint8_t parameter[SESSION_PARAMETER_MAX];
};

struct operation_state {
	struct operation tried; /* the last Init that the host accepted */
	uint64_t epoch;         /* of the slot, at that time */
	bool proven;            /* the one-part call succeeded with it */
	bool active;            /* the host holds an operation, as far as we know */
};

struct find_state {
	bool active;
	bool complete; /* the host delivered its last handle and has ended its own state */
	size_t next;
	size_t count;
	CK_OBJECT_HANDLE handles[WIRE_FIND_FIRST];
};

struct session {
	CK_SESSION_HANDLE
	handle; /* 0: free; its place in the table is the handle modulo SESSIONS_MAX */
	CK_SLOT_ID slot;
	CK_FLAGS flags;
	bool open;   /* the host knows it */
	bool vendor; /* the last Init named a vendor mechanism, which may take long */
	bool lost;   /* an operation went with a host, and no call of it has said so yet */
	bool failed; /* one has, by CKR_DEVICE_ERROR */
	enum operation_kind pending; /* its tried Init was accepted by us and not sent yet */
	struct operation_state operations[OPERATION_KINDS];
	struct find_state find;
};

/* Login of this process on a slot, as far as it is needed to log in again. */
struct login {
	bool active;
	bool kept_pin; /* without a PIN: the agent knows it */
	bool has_ticket;
	CK_USER_TYPE user;
	uint8_t ticket[WIRE_TICKET_LEN];
};

/* The entry, with the table locked until session_unlock(); NULL (and unlocked) when there is none.
 */
struct session *session_lock(CK_SESSION_HANDLE handle);
void session_unlock(void);

/* Of the session's slot: what was remembered under another epoch is doubtful. Table locked. */
uint64_t session_epoch_locked(const struct session *session);

/* CKR_SESSION_HANDLE_INVALID for an unknown session. */
CK_RV session_slot(CK_SESSION_HANDLE handle, CK_SLOT_ID *slot);

/* A new handle, for the caller to open at the host; CKR_SESSION_COUNT. */
CK_RV session_reserve(CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *handle);
void session_opened(CK_SESSION_HANDLE handle);

/* Forgets sessions; with the last one of a slot its login ends. */
void session_remove(CK_SESSION_HANDLE handle);
void session_remove_all(CK_SLOT_ID slot);

/* True when the slot has a session that the host should know. */
bool session_exists(CK_SLOT_ID slot);

/* Whatever was remembered about keys of the slot is doubtful now. */
void session_doubt(CK_SLOT_ID slot);

void session_login(CK_SLOT_ID slot, const struct login *login);
void session_logout(CK_SLOT_ID slot);

/* What a host that knows nothing of its predecessor cannot say: another CK_RV, or the same. */
CK_RV session_explain(CK_SESSION_HANDLE handle, CK_RV rv);

/* A call of the session got no answer. */
void session_failed(CK_SESSION_HANDLE handle);

/* Counts restorations of the slot; to be read before a connection is asked for. */
uint64_t session_restored(CK_SLOT_ID slot);

/*
 * Makes sure that the host behind the connection knows our sessions and login, and waits while
 * another thread does so. CKR_DEVICE_ERROR: drop the connection and take another.
 */
CK_RV session_restore(
	struct connection *connection, CK_SLOT_ID slot, bool fresh, uint64_t restored);

void session_forget_all(void);    /* C_Finalize */
void session_forget_parent(void); /* the same in a forked child, whatever locks the parent held */

#endif
