/* SPDX-License-Identifier: Apache-2.0 */
/* What an object is recognised by: a hash of its class, id, type and public value. */
#ifndef IOTHSM_IDENTITY_H
#define IOTHSM_IDENTITY_H

#include <iothsm/pkcs11-3.2.h>
#include <pthread.h>

#include "link.h"

enum { IDENTITY_LEN = 32 };

struct identity {
	uint8_t hash[IDENTITY_LEN];
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE key_type; /* CK_UNAVAILABLE_INFORMATION for what has none */
	bool private, on_token;
	bool durable; /* a unique id or a public value is part of the hash */
};

/* Reads a native object; CKR_OBJECT_HANDLE_INVALID when it is gone. */
CK_RV identity_read(CK_FUNCTION_LIST *functions, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	struct identity *identity);

/* The durable handle: 62 bits of SipHash-2-4, never 0. */
CK_RV identity_handle(const uint8_t key[LINK_KEY_LEN], const char *serial, struct bytes identity,
	CK_OBJECT_HANDLE *handle);

/* A random handle of the same form. */
CK_RV identity_random_handle(CK_OBJECT_HANDLE *handle);

#endif
