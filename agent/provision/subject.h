/* SPDX-License-Identifier: Apache-2.0 */
/* The private key that a provisioning step is about, with its public key and its names. */
#ifndef IOTHSM_SUBJECT_H
#define IOTHSM_SUBJECT_H

#include "key.h"
#include "provision.h"

struct subject {
	const struct provision_token *token;
	struct key_session session;
	CK_KEY_TYPE type;
	struct bytes id;      /* CKA_ID, never empty */
	struct bytes label;   /* CKA_LABEL, may be empty */
	EVP_PKEY *public_key; /* NULL when nothing on the token gives it */
	EVP_PKEY *key;        /* signs through the token; NULL when public_key is */
};

/* CKR_IOTHSM_NO_KEY for what is no private key with a CKA_ID. Closed in any case. */
CK_RV subject_open(
	struct subject *subject, const struct provision_token *token, CK_OBJECT_HANDLE key);
void subject_close(struct subject *subject);

/* CKR_IOTHSM_NO_KEY when the public key is not known. */
CK_RV subject_require_public(const struct subject *subject);

/*
 * CKR_IOTHSM_KEY_MISMATCH unless the certificate has this key. Where nothing on the token gives the
 * public key, the private one signs a challenge that the certificate's key must verify.
 */
CK_RV subject_check_certificate(struct subject *subject, X509 *cert);

/* Starts a signature; wanted as in certificate_digest_for(). NULL on failure. */
EVP_MD_CTX *subject_begin_signature(const struct subject *subject, const char *wanted);

/* Why the last signature of this thread failed. */
CK_RV subject_failure(void);

#endif
