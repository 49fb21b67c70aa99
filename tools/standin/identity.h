/* SPDX-License-Identifier: Apache-2.0 */
/* Who the stand-in is: its S/MIME signer under an own anchor, its TLS server certificate, its
 * PubNub keys. */
#ifndef IOTHSM_STANDIN_IDENTITY_H
#define IOTHSM_STANDIN_IDENTITY_H

#include <openssl/x509.h>

#include "bytes.h"

enum { IDENTITY_KEY_MAX = 64 };

struct identity {
	X509 *anchor;
	X509 *signer;
	EVP_PKEY *signer_key;
	X509 *tls_ca;
	X509 *tls_cert;
	EVP_PKEY *tls_key;
	char publish_key[IDENTITY_KEY_MAX];
	char subscribe_key[IDENTITY_KEY_MAX];
};

/*
 * The identity kept in a directory: platform_ca.pem and tls_ca.pem are for everybody, signer.pem,
 * tls.pem and pubnub.json (mode 0600) for the stand-in and its driver. identity_make() makes a new
 * one and writes these files. Both return false, log why, and leave nothing in *identity on
 * failure.
 */
bool identity_load(struct identity *identity, const char *directory);
bool identity_make(struct identity *identity, const char *directory);
void identity_reset(struct identity *identity);

/* A random version 4 UUID. */
enum { IDENTITY_UUID_SIZE = 37 };
bool identity_make_uuid(char out[IDENTITY_UUID_SIZE]);

#endif
