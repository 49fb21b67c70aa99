/* SPDX-License-Identifier: Apache-2.0 */
/* By which public key a private one is known to the policy. */
#ifndef IOTHSM_POLICE_KEY_H
#define IOTHSM_POLICE_KEY_H

#include "call.h"
#include "signed.h"

/* Of a token; what was found lasts until its objects change. */
struct police_keys;
struct police_keys *police_keys_new(void);
void police_keys_free(struct police_keys *keys);

/* After a change of the token's objects. */
void police_keys_look_again(struct police_keys *keys);

/*
 * The hash of the key's SubjectPublicKeyInfo. CKR_IOTHSM_NO_KEY when nothing on the token tells it,
 * or what tells it is not true: objects beside a key are written by whoever may write objects.
 */
CK_RV police_key_find(
	struct request *request, const struct object_view *key, uint8_t spki[SIGNED_SPKI_LEN]);

#endif
