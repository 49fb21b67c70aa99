/* SPDX-License-Identifier: Apache-2.0 */
/* RSA-OAEP with parameters that the backend does not take: the host pads, the backend does raw RSA.
 */
#ifndef IOTHSM_OAEP_H
#define IOTHSM_OAEP_H

#include <iothsm/pkcs11-3.2.h>

#include "bytes.h"

enum {
	OAEP_LABEL_MAX = 128,
	OAEP_KEY_MAX = 2048 /* bytes of the modulus */
};

struct oaep_hash;

/* One running encryption or decryption; CKM_RSA_X_509 is active in the native session. */
struct oaep {
	const struct oaep_hash *hash, *mask; /* hash NULL: none */
	size_t key_len;
	size_t label_len;
	uint8_t label[OAEP_LABEL_MAX];
};

/* Whether another implementation may do what a backend refused with rv. */
bool oaep_may_replace(CK_MECHANISM_TYPE type, CK_RV rv);

bool oaep_is_labelled(const CK_MECHANISM *mechanism);

/* CKR_MECHANISM_PARAM_INVALID for parameters that are wrong or unknown here too,
 * CKR_KEY_SIZE_RANGE for a modulus that has no room for them. */
CK_RV oaep_begin(struct oaep *oaep, const CK_MECHANISM *mechanism, size_t key_len);
void oaep_end(struct oaep *oaep);

/* The longest message. */
size_t oaep_room(const struct oaep *oaep);

/* block has key_len bytes. */
CK_RV oaep_pad(const struct oaep *oaep, struct bytes message, uint8_t *block);

/*
 * The message has oaep_room() bytes of room. Whatever is wrong with the block: the same
 * CKR_ENCRYPTED_DATA_INVALID after the same time, or it could be decrypted by asking (RFC 8017,
 * 7.1.2).
 */
CK_RV oaep_unpad(const struct oaep *oaep, struct bytes block, uint8_t *message, CK_ULONG *len);

#endif
