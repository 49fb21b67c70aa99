/* SPDX-License-Identifier: Apache-2.0 */
/* What a key is asked to sign, told by the to-be-signed bytes alone. */
#ifndef IOTHSM_SIGNED_H
#define IOTHSM_SIGNED_H

#include <openssl/x509.h>

#include "bytes.h"

enum { SIGNED_SPKI_LEN = 32, SIGNED_INPUT_MAX = 16 * 1024 * 1024 };

enum signed_class {
	SIGNED_UNKNOWN,   /* none of those below */
	SIGNED_LEAF,      /* TBSCertificate without CA rights */
	SIGNED_CA,        /* TBSCertificate of another key that may issue certificates itself */
	SIGNED_SELF,      /* TBSCertificate of the signing key itself */
	SIGNED_EPHEMERAL, /* TBSCertificate of the short-lived S/MIME profile of the bridge */
	SIGNED_CRL,       /* TBSCertList */
	SIGNED_REQUEST,   /* CertificationRequestInfo of the signing key */
	SIGNED_CMS,       /* SignedAttributes of CMS, encoded as SET OF (RFC 5652, 5.4) */
	SIGNED_CLASSES
};

struct signed_input {
	enum signed_class class;
	X509 *cert;   /* with a meaningless signature; NULL unless a TBSCertificate */
	char why[80]; /* SIGNED_UNKNOWN: why it is nothing better */
};

const char *signed_name(enum signed_class class);

/* SIGNED_CLASSES when there is none of this name. */
enum signed_class signed_find(const char *name);

/*
 * Only DER as we would encode it again has a class: two readers of anything else might not agree
 * on it. own: SHA-256 of the SubjectPublicKeyInfo of the signing key. Reset in any case.
 */
void signed_read(struct bytes input, const uint8_t own[SIGNED_SPKI_LEN], struct signed_input *out);
void signed_reset(struct signed_input *input);

/* SHA-256 of the DER of a SubjectPublicKeyInfo; false when it cannot be encoded. */
bool signed_hash_key(const EVP_PKEY *key, uint8_t out[SIGNED_SPKI_LEN]);

#endif
