/* SPDX-License-Identifier: Apache-2.0 */
/* An EVP_PKEY whose private key stays in a token: an OSSL_PROVIDER of ours in a private library
 * context. */
#ifndef IOTHSM_KEY_H
#define IOTHSM_KEY_H

#include <iothsm/pkcs11-3.2.h>
#include <openssl/evp.h>

#include "bytes.h"

/*
 * Signs a whole message (never a digest). mechanism is a hashed one (CKM_SHA256_RSA_PKCS,
 * CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256, CKM_EDDSA …); the signature is as PKCS#11 gives it
 * (ECDSA: r || s). *len holds the room on entry. May be called from any thread that uses the key.
 */
struct key_signer {
	CK_RV(*sign)
	(void *context, CK_MECHANISM *mechanism, struct bytes message, uint8_t *signature,
		CK_ULONG *len);
	void *context; /* outlives every use of the key */
};

/* The private library context: the default provider and ours; made once, never freed. NULL on
 * failure. */
OSSL_LIB_CTX *key_library(void);

/* public_key belongs to key_library()'s default provider and is referenced. Freed with
 * EVP_PKEY_free. */
EVP_PKEY *key_new(EVP_PKEY *public_key, const struct key_signer *signer);

/*
 * A signer over a function list and one session of it, used by one thread at a time. Where the
 * token lacks a hashed mechanism the message is hashed here and signed by CKM_RSA_PKCS,
 * CKM_RSA_PKCS_PSS or CKM_ECDSA.
 */
struct key_session {
	CK_FUNCTION_LIST *functions;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE private_key;
};
CK_RV key_sign_in_session(void *key_session, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len);

/*
 * The public key of a private one: from the private key object (RSA), the public key object or the
 * certificate with the same CKA_ID. CKR_IOTHSM_NO_KEY when none gives it. Freed with EVP_PKEY_free.
 */
CK_RV key_find_public(const struct key_session *session, EVP_PKEY **public_key);

/* The CK_RV with which the last private-key operation of this thread failed, CKR_OK if none. */
CK_RV key_last_error(void);

/* Before work whose failure is to be explained: what failed earlier has nothing to do with it. */
void key_forget_error(void);

#endif
