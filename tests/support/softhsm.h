/* SPDX-License-Identifier: Apache-2.0 */
/* A SoftHSM2 token of a test's own, loaded into the test process: initialised, user logged in. */
#ifndef IOTHSM_TEST_SOFTHSM_H
#define IOTHSM_TEST_SOFTHSM_H

#include <iothsm/pkcs11-3.2.h>

#include "bytes.h"

#define SOFTHSM_PIN    "123456"
#define SOFTHSM_SO_PIN "12345678"

struct softhsm {
	char directory[64];
	CK_FUNCTION_LIST *functions;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* read-write */
};

enum softhsm_key {
	SOFTHSM_RSA_2048,
	SOFTHSM_P256,
	SOFTHSM_P384,
	SOFTHSM_P521,
	SOFTHSM_ED25519,
	SOFTHSM_KEY_KINDS
};

/* cmocka group set-up and tear-down: *state becomes a struct softhsm. */
int softhsm_setup(void **state);
int softhsm_teardown(void **state);

/* The name of a kind, for messages: "RSA-2048" … */
const char *softhsm_key_name(enum softhsm_key kind);

/* CKA_EC_PARAMS of a kind as SoftHSM2 takes them; empty for RSA. */
struct bytes softhsm_key_parameters(enum softhsm_key kind);

/* A key pair with this CKA_ID (one byte) and CKA_LABEL "key"; ends the test on failure. */
void softhsm_generate(const struct softhsm *softhsm, enum softhsm_key kind, CK_BYTE id,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);

/* Number of objects that match; *first is the handle of the first. */
CK_ULONG softhsm_count(const struct softhsm *softhsm, CK_OBJECT_CLASS class, const CK_BYTE *id,
	CK_OBJECT_HANDLE *first);

/* Destroys all objects of the token, so that a test starts from none. */
int softhsm_clear(void **state);

#endif
