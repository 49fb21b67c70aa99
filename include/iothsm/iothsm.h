/* SPDX-License-Identifier: Apache-2.0 */
/* What iothsm adds to PKCS#11: provisioning mechanisms, their return values, and administration. */
#ifndef IOTHSM_IOTHSM_H
#define IOTHSM_IOTHSM_H

#if !defined(PKCS11_H) && !defined(_PKCS11_H_)
#include <iothsm/pkcs11-3.2.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Vendor-defined mechanisms (PKCS#11 3.0, 5.1.1: CKM_VENDOR_DEFINED | "IO" << 16). All take a NULL
 * parameter. Input of the three certificate mechanisms is the whole message of C_Sign or of
 * C_SignUpdate: one certificate, PEM or DER, at most 64 KiB.
 *
 * Output rule of C_Sign and C_SignFinal: a NULL buffer answers the size of the result's DER; a
 * buffer that holds the DER receives it; a smaller one receives the SHA-256 of the DER (32 bytes)
 * as a receipt, with CKR_OK. CKR_BUFFER_TOO_SMALL is returned only below 32 bytes. The result has
 * become an object of the token by then. Repeating the same job in the same session returns the
 * same result.
 */

/*
 * C_GenerateKeyPair: the usual templates (CKA_MODULUS_BITS or CKA_EC_PARAMS, CKA_ID, CKA_LABEL);
 * makes the key pair and the temporary certificate "CN=TEMPORARY CERT FOR KEY IMPORT" that marks it
 * as prepared. C_Sign on an existing private key (empty message): only the temporary certificate.
 * CKR_IOTHSM_SLOT_IN_USE when CKA_ID already names a key or certificate.
 */
#define CKM_IOTHSM_PREPARE_KEY 0xC94F0000UL

/*
 * C_Sign, input an HSM Provisioning Certificate: a self-signed root with its subject (byte for
 * byte), extensions and notAfter becomes CKO_CERTIFICATE under the key's CKA_ID; output its DER.
 */
#define CKM_IOTHSM_SELF_SIGN 0xC94F0001UL

/*
 * C_Sign, input as before: a PKCS#10 request (RFC 2986) becomes CKO_DATA with CKA_APPLICATION
 * "iothsm-csr", the key's CKA_LABEL and CKA_ID, one per key; output its DER.
 */
#define CKM_IOTHSM_CSR 0xC94F0002UL

/*
 * C_Sign or C_Verify (any signature), input the signed certificate or a PEM bundle: checked against
 * the key and stored under its CKA_ID, issuers of the bundle under ids of their own. A key mismatch
 * is CKR_IOTHSM_KEY_MISMATCH; in the verify form CKR_SIGNATURE_INVALID, and CKR_DATA_INVALID for
 * what is no certificate.
 */
#define CKM_IOTHSM_IMPORT_CERTIFICATE 0xC94F0003UL

/* Return values beside the standard ones (CKR_VENDOR_DEFINED range). Nothing was stored or changed.
 */
#define CKR_IOTHSM_TEMPLATE_INVALID 0xC94F0001UL /* the input is no usable certificate */
#define CKR_IOTHSM_TEMPLATE_EXPIRED                                                                \
	0xC94F0002UL /* notAfter of the provisioning certificate has passed */
#define CKR_IOTHSM_KEY_MISMATCH 0xC94F0003UL /* the certificate has another public key */
#define CKR_IOTHSM_NO_KEY       0xC94F0004UL /* no private key, or its public key cannot be found */
#define CKR_IOTHSM_SLOT_IN_USE  0xC94F0005UL /* CKA_ID already names another key or certificate */
#define CKR_IOTHSM_SO_REQUIRED                                                                     \
	0xC94F0006UL /* the token needs the SO PIN (management key) for this */
#define CKR_IOTHSM_POLICY     0xC94F0007UL /* refused by the policy of the key or of the agent */
#define CKR_IOTHSM_PIN_GUARD  0xC94F0008UL /* a further try would spend the token's last one */
#define CKR_IOTHSM_STORE_FULL 0xC94F0009UL /* the agent's object store cannot take the object */

/* Rights of a client on a token, by uid and gid (agent.conf); a bit mask. */
#define IOTHSM_RIGHT_USE                                                                           \
	0x01UL /* sessions, login, find, and all calls that no other right is needed for */
#define IOTHSM_RIGHT_GENERATE                                                                      \
	0x02UL /* create, generate, copy, unwrap, derive and change token objects */
#define IOTHSM_RIGHT_DESTROY 0x04UL /* destroy token objects */
#define IOTHSM_RIGHT_SO      0x08UL /* C_Login(CKU_SO), C_InitToken */
#define IOTHSM_RIGHT_ADMIN   0x10UL /* struct iothsm_admin */
#define IOTHSM_RIGHT_KEPT_PIN                                                                      \
	0x20UL /* C_Login(CKU_USER) without a PIN, by the one the agent keeps */
#define IOTHSM_RIGHT_KEPT_SO_PIN 0x40UL  /* the same for CKU_SO */
#define IOTHSM_RIGHT_SIGN        0x80UL  /* C_Sign* and C_SignRecover* */
#define IOTHSM_RIGHT_DECRYPT     0x100UL /* C_Decrypt*, C_WrapKey, C_UnwrapKey, C_DeriveKey */

/*
 * Administration that PKCS#11 has no call for: a vendor interface of the module (PKCS#11 3.0,
 * 5.4.6). C_GetInterface with this name and version NULL or 1.0 gives a CK_INTERFACE whose
 * pFunctionList is a struct iothsm_admin. It belongs to the module and stays as long as that is
 * loaded.
 */
#define IOTHSM_ADMIN_INTERFACE "Vendor IOTHSM"

/*
 * Every function may be called by several threads at once, needs C_Initialize first
 * (CKR_CRYPTOKI_NOT_INITIALIZED) and, but for rights, IOTHSM_RIGHT_ADMIN (CKR_FUNCTION_REJECTED). A
 * slot is one of C_GetSlotList (CKR_SLOT_ID_INVALID) and has its token (CKR_TOKEN_NOT_PRESENT). The
 * agent may be out of reach (CKR_DEVICE_ERROR). PINs are bytes without a closing NUL, at most 256
 * (CKR_ARGUMENTS_BAD, also for NULL); they stay the caller's, the module wipes its copies.
 */
struct iothsm_admin {
	CK_VERSION version; /* 1.0; later minor versions only append functions */

	/*
	 * State of agent, backends, tokens and clients as one JSON object, UTF-8 without NUL, into
	 * the caller's buffer of *len bytes; *len becomes its length. As in PKCS#11 (3.0, 5.2) a
	 * NULL buffer only asks for the length, and a small one is CKR_BUFFER_TOO_SMALL with the
	 * length that is needed now: state changes between two calls. CKR_ARGUMENTS_BAD: len is
	 * NULL.
	 */
	CK_RV (*status)(CK_UTF8CHAR_PTR json, CK_ULONG_PTR len);

	/*
	 * The caller's own rights on the token in the slot into *rights, a mask of IOTHSM_RIGHT_*.
	 * CKR_ARGUMENTS_BAD: rights is NULL.
	 */
	CK_RV (*rights)(CK_SLOT_ID slot, CK_FLAGS *rights);

	/*
	 * Checks a PIN of len bytes against the token and lets the agent keep it for the token's
	 * pin_users (agent.conf), over restarts of the agent. user is CKU_USER or CKU_SO
	 * (CKR_USER_TYPE_INVALID). CKR_PIN_INCORRECT; CKR_PIN_LOCKED: by the token, or after three
	 * wrong PINs of this uid in ten minutes; CKR_IOTHSM_PIN_GUARD: the token's last try is
	 * left; CKR_USER_ANOTHER_ALREADY_LOGGED_IN: the caller is logged in as security officer.
	 */
	CK_RV (*keep_pin)(CK_SLOT_ID slot, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len);

	/*
	 * Lets the agent forget a kept PIN; who is logged in stays so. CKR_OK also when none was
	 * kept. CKR_USER_TYPE_INVALID as above.
	 */
	CK_RV (*forget_pin)(CK_SLOT_ID slot, CK_USER_TYPE user);

	/*
	 * Forgets the wrong PINs that the agent counted against every uid on this token; the
	 * token's own counter is untouched.
	 */
	CK_RV (*clear_guard)(CK_SLOT_ID slot);

	/*
	 * Deletes a whole token with all its keys, for good, where the backend can (SoftHSM2); the
	 * SO PIN of len bytes is checked first. CKR_FUNCTION_NOT_SUPPORTED: the backend cannot;
	 * CKR_PIN_INCORRECT; CKR_SESSION_EXISTS: other clients use the token.
	 */
	CK_RV (*delete_token)(CK_SLOT_ID slot, CK_UTF8CHAR_PTR so_pin, CK_ULONG len);

	/*
	 * Has every backend list its tokens again and waits until it has; tokens made or removed
	 * by other programs appear or vanish.
	 */
	CK_RV (*rescan)(void);
};

#ifdef __cplusplus
}
#endif

#endif
