/* SPDX-License-Identifier: Apache-2.0 */
/* Init calls that wait for the one-part call that follows them, so that both travel as one. */
#ifndef IOTHSM_OPERATION_H
#define IOTHSM_OPERATION_H

#include "session.h"

/* A copy of what an Init call says; one that is too long for it is never equal to another. */
void operation_fill(struct operation *operation, CK_MECHANISM_TYPE mechanism,
	struct bytes parameter, CK_OBJECT_HANDLE key);

/* The mechanism, parameter and key of a call; the call must not outlive the operation. */
void operation_describe(const struct operation *operation, Call *call);

Function operation_init_function(enum operation_kind kind);

/*
 * Keeps an Init whose like has succeeded before; then *deferred, and the caller is done.
 * CKR_OPERATION_ACTIVE for a second one while the first waits.
 */
CK_RV operation_defer(CK_SESSION_HANDLE session, enum operation_kind kind,
	const struct operation *operation, bool *deferred);

/* True when an Init of the kind waits or was accepted, and no answer has ended it. */
bool operation_is_active(CK_SESSION_HANDLE session, enum operation_kind kind);

/* Drops a waiting Init of the kind; false when none waits. */
bool operation_cancel(CK_SESSION_HANDLE session, enum operation_kind kind);

/* The Init that waits on the session, which no longer does so then; *slow for vendor mechanisms. */
enum operation_kind operation_take(
	CK_SESSION_HANDLE session, struct operation *operation, bool *slow);

/* The host accepted an Init. */
void operation_begun(
	CK_SESSION_HANDLE session, enum operation_kind kind, const struct operation *operation);

/* The answer to a one-part or final call. */
void operation_answered(CK_SESSION_HANDLE session, enum operation_kind kind, CK_RV rv, bool query);

/* No Init of the session is kept before the host has seen it again. */
void operation_doubt(CK_SESSION_HANDLE session);

#endif
