/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes a key may sign with, and their PKCS#11 names, as one table. */
#include "key_hash.h"

#include <openssl/obj_mac.h>
#include <strings.h>

/* SHA-1 is not here: nothing we sign may rest on it. */
static const struct key_hash hashes[] = {
	{ "SHA224", "SHA2-224", NID_sha224, 28, CKM_SHA224, CKM_SHA224_RSA_PKCS,
		CKM_SHA224_RSA_PKCS_PSS, CKM_ECDSA_SHA224, CKG_MGF1_SHA224,
		{ 0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x04, 0x05, 0x00, 0x04, 0x1c } },
	{ "SHA256", "SHA2-256", NID_sha256, 32, CKM_SHA256, CKM_SHA256_RSA_PKCS,
		CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256, CKG_MGF1_SHA256,
		{ 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x01, 0x05, 0x00, 0x04, 0x20 } },
	{ "SHA384", "SHA2-384", NID_sha384, 48, CKM_SHA384, CKM_SHA384_RSA_PKCS,
		CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA384, CKG_MGF1_SHA384,
		{ 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x02, 0x05, 0x00, 0x04, 0x30 } },
	{ "SHA512", "SHA2-512", NID_sha512, 64, CKM_SHA512, CKM_SHA512_RSA_PKCS,
		CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA_SHA512, CKG_MGF1_SHA512,
		{ 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x03, 0x05, 0x00, 0x04, 0x40 } },
};

const struct key_hash *key_hash_by_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(hashes); i++) {
		if (strcasecmp(hashes[i].name, name) == 0 || strcasecmp(hashes[i].alias, name) == 0)
			return &hashes[i];
	}
	return NULL;
}

const struct key_hash *key_hash_by_mechanism(CK_MECHANISM_TYPE hashed)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		if (hashes[i].rsa == hashed || hashes[i].pss == hashed || hashes[i].ecdsa == hashed)
			return &hashes[i];
	}
	return NULL;
}
