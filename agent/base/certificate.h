/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 helpers that the token host, the bridge and the command line share. */
#ifndef IOTHSM_CERTIFICATE_H
#define IOTHSM_CERTIFICATE_H

#include <iothsm/pkcs11-3.2.h>
#include <openssl/x509.h>

#include "bytes.h"

#define CERTIFICATE_TEMPORARY_CN "TEMPORARY CERT FOR KEY IMPORT"

enum { CERTIFICATE_INPUT_MAX = 64 * 1024, CERTIFICATE_BUNDLE_MAX = 16 };

/* The first certificate of PEM or DER text, NULL when there is none; trailing garbage behind DER is
 * refused. */
X509 *certificate_parse(OSSL_LIB_CTX *lib, struct bytes input);

/* All certificates of a PEM bundle, or the one of DER; NULL when none, malformed or more than the
 * maximum. */
STACK_OF(X509) * certificate_parse_bundle(OSSL_LIB_CTX *lib, struct bytes input);

/* DER by the caller freed with OPENSSL_free; -1 on failure. */
int certificate_der(const X509 *cert, uint8_t **der);

/* PEM with one trailing LF, NUL-terminated, freed by the caller; NULL on failure. */
char *certificate_pem(const X509 *cert);

bool certificate_is_temporary(const X509 *cert);
bool certificate_has_key(const X509 *cert, const EVP_PKEY *public_key);

/* Serial as lower-case hex of the DER INTEGER content without a leading 00 padding byte (at most 40
 * + NUL). */
bool certificate_serial_hex(const X509 *cert, char out[64]);

/* Lower-case hex SHA-1 of the DER. */
bool certificate_thumbprint(const X509 *cert, char out[41]);

/* 20 random bytes, positive, first bit pattern 01 so that the DER INTEGER has exactly 20 octets. */
bool certificate_set_random_serial(X509 *cert);

/* Appends subjectKeyIdentifier (SHA-1 of the key) and authorityKeyIdentifier (keyid of issuer,
 * only). */
bool certificate_add_key_identifiers(X509 *cert, const X509 *issuer);

/* The OpenSSL name of SHA-256, 384 or 512 by any of their names; NULL for every other, and NULL. */
const char *certificate_digest_named(const char *name);

/*
 * The digest a signature with this key uses: P-384 SHA-384, P-521 SHA-512, Ed25519 and Ed448 none
 * (""), RSA and P-256 the wanted one if it is SHA-256, 384 or 512, else SHA-256. wanted may be
 * NULL.
 */
const char *certificate_digest_for(const EVP_PKEY *key, const char *wanted);

/* Public key from the values of a PKCS#11 public key object; NULL when malformed or unknown. */
EVP_PKEY *certificate_public_key(OSSL_LIB_CTX *lib, const CK_ATTRIBUTE *attributes, CK_ULONG count);

#endif
