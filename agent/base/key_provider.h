/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of our OpenSSL provider share: the key object and the two dispatch tables. */
#ifndef IOTHSM_KEY_PROVIDER_H
#define IOTHSM_KEY_PROVIDER_H

#include <openssl/core_dispatch.h>
#include <stdatomic.h>

#include "key.h"

#define KEY_PROVIDER_NAME       "iothsm"
#define KEY_PROVIDER_PROPERTIES "provider=" KEY_PROVIDER_NAME

/* The one parameter by which a key is made: a struct key_handle as octet string. */
#define KEY_PARAM_HANDLE "iothsm-handle"

struct key_handle {
	EVP_PKEY *public_key;
	struct key_signer signer;
};

/* The provider's key object; sign is NULL for one that was imported from public values. */
struct key_object {
	atomic_uint references;
	const char *type; /* RSA, EC, ED25519 or ED448 */
	EVP_PKEY *public_key;
	struct key_signer signer;
};

struct key_object *key_object_reference(struct key_object *key);
void key_object_free(struct key_object *key);

/* Signs by the key's callback and keeps the result for key_last_error(). */
CK_RV key_object_sign(struct key_object *key, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len);

extern const OSSL_ALGORITHM key_management_algorithms[];
extern const OSSL_ALGORITHM key_signature_algorithms[];

#endif
