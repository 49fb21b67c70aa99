/* SPDX-License-Identifier: Apache-2.0 */
/* How a call travels, and the shapes that most PKCS#11 functions have. */
#ifndef IOTHSM_INVOKE_H
#define IOTHSM_INVOKE_H

#include "connection.h"
#include "session.h"

/* A call that was answered: the reply's views live until invoke_end(). */
struct exchange {
	struct connection *connection;
	Reply reply;
};

/*
 * Sends a call of a session or slot, whatever it takes: a connection, sessions restored after a
 * restart, an Init that waited. CKR_OK when a reply came, whose rv is then the caller's to judge.
 */
CK_RV invoke_begin(const Call *call, struct exchange *exchange);

/* The same on the control connection; the agent must answer at once. */
CK_RV invoke_control(const Call *call, struct exchange *exchange);

void invoke_end(struct exchange *exchange);

/* Only a return value. */
CK_RV invoke_plain(const Call *call);

/* A number, as an object handle or a size. */
CK_RV invoke_number(const Call *call, CK_ULONG *number);

/* A structure of exactly this size. */
CK_RV invoke_structure(const Call *call, void *structure, size_t size);

/* Output bytes: NULL asks for the length, CKR_BUFFER_TOO_SMALL tells it. Fills the call's room. */
CK_RV invoke_output(Call call, CK_BYTE *output, CK_ULONG *len);

/* A list of CK_ULONG that the reply carries whole. */
CK_RV invoke_list(const Call *call, CK_ULONG *list, CK_ULONG *count);

/* C_*Init of an operation that may wait; mechanism NULL cancels. */
CK_RV invoke_init(enum operation_kind kind, CK_SESSION_HANDLE session,
	const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);

/* Puts the mechanism into the call; its flat form may lie in the arena. */
CK_RV invoke_mechanism(const CK_MECHANISM *mechanism, struct arena *arena, Call *call);

/* A caller's template as it may travel: no NULL with a length, not too many. */
CK_RV invoke_template(CK_ATTRIBUTE *list, CK_ULONG count, struct attributes *attributes);

/* A caller's input; a NULL pointer with a length is CKR_ARGUMENTS_BAD. NULL without: empty. */
CK_RV invoke_input(const void *data, CK_ULONG len, struct bytes *input);

#endif
