/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that every call that makes an object shares: where it lives, who may, and what handle
 * it gets. */
#ifndef IOTHSM_CREATION_H
#define IOTHSM_CREATION_H

#include "call.h"

/* What a template says of the object to be. */
struct creation {
	CK_RV fault; /* it says twice, or unclearly, where the object belongs */
	bool on_token, private;
	CK_OBJECT_CLASS class;
	CK_SESSION_HANDLE native; /* the session in which it is made */
};

const CK_ATTRIBUTE *creation_find(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type);

/* Reads a template over the defaults that creation holds. */
void creation_read(struct creation *creation, const struct attributes *attributes);

/* CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN, CKR_IOTHSM_POLICY. */
CK_RV creation_check(const struct request *request, const struct creation *creation);

/* on_token: a pooled session serves; else the one whose objects end with the client's session. */
CK_RV creation_open(struct request *request, bool on_token, CK_SESSION_HANDLE *native);
void creation_close(struct request *request, bool on_token, CK_SESSION_HANDLE native, CK_RV rv);

/* The client's handle of what was made; one that it may not see is destroyed again. */
CK_RV creation_register(struct request *request, CK_SESSION_HANDLE native, CK_OBJECT_HANDLE object,
	CK_OBJECT_HANDLE *handle);

#endif
