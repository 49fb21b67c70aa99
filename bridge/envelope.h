/* SPDX-License-Identifier: Apache-2.0 */
/* The S/MIME envelope of the platform's protocol: sign(encrypt(deflate(content))), in text form. */
#ifndef IOTHSM_ENVELOPE_H
#define IOTHSM_ENVELOPE_H

#include <iothsm/pkcs11-3.2.h>
#include <openssl/x509.h>

#include "bytes.h"

enum { ENVELOPE_TEXT_MAX = 1024 * 1024, ENVELOPE_INFLATE_MAX = 4 * 1024 * 1024 };

/* A certificate and its private key, neither owned. */
struct envelope_identity {
	X509 *cert;
	EVP_PKEY *key;
};

/*
 * S/MIME text (LF, fixed header block, 64 columns, ends with two LF), NUL-terminated, freed by the
 * caller; SHA-256, attached, only the signer's certificate. NULL on failure.
 */
char *envelope_sign(const struct envelope_identity *signer, struct bytes content);

/*
 * Checks the signature against the anchors in store alone (no system store, any purpose, now unless
 * the store's parameters say otherwise). *content is freed with OPENSSL_free, *signer with
 * X509_free; *signing_time_s is seconds since 1970, 0 when absent. False on any failure, one
 * uniform path; nothing is written then.
 */
bool envelope_verify(X509_STORE *store, struct bytes text, uint8_t **content, size_t *len,
	X509 **signer, int64_t *signing_time_s);

/* The same with one exact issuer certificate as the anchor (the platform's side: the CA of an
 * ephemeral signer). */
bool envelope_verify_issuer(X509 *issuer, struct bytes text, uint8_t **content, size_t *len,
	X509 **signer, int64_t *signing_time_s);

/* Enveloped S/MIME text for one RSA recipient, aes-256-cbc, PKCS#1 v1.5 key transport. */
char *envelope_encrypt(X509 *recipient, struct bytes content);

/* By the key alone, whatever recipient identifier is named; uniform failure. */
bool envelope_decrypt(EVP_PKEY *key, struct bytes text, uint8_t **content, size_t *len);

/* zlib format, level 6; freed with OPENSSL_free. */
bool envelope_deflate(struct bytes content, uint8_t **deflated, size_t *len);
bool envelope_inflate(struct bytes deflated, uint8_t **content,
	size_t *len); /* bounded by ENVELOPE_INFLATE_MAX */

/* All three layers. */
char *envelope_seal(const struct envelope_identity *signer, X509 *recipient, struct bytes content);
/* store NULL: no verification store is needed because content was verified already (decrypt and
 * inflate only). */
bool envelope_open_inner(EVP_PKEY *key, struct bytes verified, uint8_t **content, size_t *len);

#endif
