/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes a key may sign with, and their PKCS#11 names. */
#ifndef IOTHSM_KEY_HASH_H
#define IOTHSM_KEY_HASH_H

#include <iothsm/pkcs11-3.2.h>

#include "bytes.h"

struct key_hash {
	const char *name;  /* as OpenSSL before 3.0 */
	const char *alias; /* as OpenSSL since 3.0 */
	int nid;
	size_t size;
	CK_MECHANISM_TYPE digest;
	CK_MECHANISM_TYPE rsa;
	CK_MECHANISM_TYPE pss;
	CK_MECHANISM_TYPE ecdsa;
	CK_ULONG mgf;
	uint8_t prefix[19]; /* of DigestInfo (RFC 8017, 9.2, note 1) */
};

/* NULL for any other. */
const struct key_hash *key_hash_by_name(const char *name);
const struct key_hash *key_hash_by_mechanism(CK_MECHANISM_TYPE hashed);

#endif
