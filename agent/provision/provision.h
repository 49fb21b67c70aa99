/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioning mechanisms over any backend's function list: prepare, self-sign, request,
 * import. */
#ifndef IOTHSM_PROVISION_H
#define IOTHSM_PROVISION_H

#include <iothsm/iothsm.h>

#include "attributes.h"
#include "store.h"

/* A token as the host lends it for one step: a read-write session with the user logged in. */
struct provision_token {
	CK_FUNCTION_LIST *functions;
	CK_SLOT_ID slot; /* the backend's own */
	CK_SESSION_HANDLE session;
	struct store *store;
};

/* The mechanisms this token can do, with their CK_MECHANISM_INFO; the host lists them last. */
struct provision_mechanism {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info;
};
const struct provision_mechanism *provision_mechanisms(size_t *count);
bool provision_is_mechanism(CK_MECHANISM_TYPE type);

/* CKM_IOTHSM_PREPARE_KEY as C_GenerateKeyPair; on any failure both keys are destroyed again. */
CK_RV provision_generate(const struct provision_token *token,
	const struct attributes *public_template, const struct attributes *private_template,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);

/*
 * Runs the job of a sign mechanism on a private key (the backend's handle). The result's DER is
 * freed by the caller with OPENSSL_free. Errors: CKR_IOTHSM_*; nothing is stored unless CKR_OK.
 */
CK_RV provision_sign(const struct provision_token *token, CK_MECHANISM_TYPE type,
	CK_OBJECT_HANDLE private_key, struct bytes input, uint8_t **der, size_t *der_len);

/* CKM_IOTHSM_IMPORT_CERTIFICATE as C_Verify: key is the public key or certificate object; the
   private key is found by CKA_ID. CKR_SIGNATURE_INVALID for a mismatch, CKR_DATA_INVALID for what
   is no certificate. */
CK_RV provision_verify(
	const struct provision_token *token, CK_OBJECT_HANDLE key, struct bytes input);

/*
 * Called before the backend's C_CreateObject of a token certificate. CKR_OK: go on. Refuses one
 * whose CKA_ID names a private key with another public key (CKR_ATTRIBUTE_VALUE_INVALID). When a
 * certificate of the same key is to be replaced, *replaced is its handle: the host destroys it
 * after the new one is written, having called provision_keep_history().
 */
CK_RV provision_check_certificate(const struct provision_token *token,
	const struct attributes *certificate, CK_OBJECT_HANDLE *replaced);
CK_RV provision_keep_history(const struct provision_token *token, CK_OBJECT_HANDLE certificate);

#endif
