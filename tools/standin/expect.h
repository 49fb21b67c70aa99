/* SPDX-License-Identifier: Apache-2.0 */
/* What a csr job's options demand of the certificate: name, extensions, digest, validity. */
#ifndef IOTHSM_STANDIN_EXPECT_H
#define IOTHSM_STANDIN_EXPECT_H

#include <jansson.h>
#include <openssl/x509.h>

#include "bytes.h"

/* The subject in the platform's fixed order of attributes; freed by the caller, NULL when the
 * options are wrong. */
X509_NAME *expect_subject(const json_t *options, const X509_REQ *csr);

/*
 * The extensions in their order, for this certificate (its key) and issuer; freed by the caller,
 * NULL when the options are wrong.
 */
X509_EXTENSIONS *expect_extensions(const json_t *options, X509 *cert, X509 *ca);

/* The digest of the signature; NID_undef where the key has its own (Ed25519). */
int expect_digest_nid(const EVP_PKEY *ca_key, const char *wanted);

/* Seconds since 1970; from 0: now. */
bool expect_validity(const json_t *options, int64_t now_s, int64_t *from_s, int64_t *to_s);

#endif
