/* SPDX-License-Identifier: Apache-2.0 */
/* What a signature is made with: hash, padding, salt; its mechanism and its AlgorithmIdentifier. */
#ifndef IOTHSM_KEY_ALGORITHM_H
#define IOTHSM_KEY_ALGORITHM_H

#include <openssl/evp.h>

#include "key_hash.h"

struct key_algorithm {
	const char *type; /* of the key: RSA, EC, ED25519, ED448 */
	const struct key_hash *hash;
	const struct key_hash *mask; /* of MGF1; NULL: as hash */
	bool pss;
	int salt_len; /* RSA_PSS_SALTLEN_* or bytes */
};

/* Holds the parameter that the mechanism points to; not to be copied. */
struct key_mechanism {
	CK_MECHANISM mechanism;
	CK_RSA_PKCS_PSS_PARAMS pss;
};

extern const OSSL_PARAM key_algorithm_params[];

/* False for a hash we do not sign with; NULL and "" leave the hash as it is. */
bool key_algorithm_set_digest(struct key_algorithm *algorithm, const char *name);

/* 1 or 0, as OpenSSL wants of a set_ctx_params and get_ctx_params function. */
int key_algorithm_set(struct key_algorithm *algorithm, const OSSL_PARAM params[]);
int key_algorithm_get(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, OSSL_PARAM params[]);

/* False when the algorithm is not complete. */
bool key_algorithm_mechanism(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, struct key_mechanism *out);

#endif
