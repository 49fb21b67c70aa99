/* SPDX-License-Identifier: Apache-2.0 */
/* By which public key a private one is known to the policy. */
#include "police_key.h"

#include <iothsm/iothsm.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"
#include "log.h"

enum { KEYS_MAX = 64, CHALLENGE_LEN = 64, SIGNATURE_MAX = 2048 };

struct known {
	CK_OBJECT_HANDLE handle, native; /* the client's and the backend's; 0: free */
	uint8_t spki[SIGNED_SPKI_LEN];
};

struct police_keys {
	pthread_mutex_t lock; /* guards all below */
	struct known known[KEYS_MAX];
	size_t next;
	unsigned long age; /* counts the changes of the token's objects */
};

struct police_keys *police_keys_new(void)
{
	struct police_keys *keys = calloc(1, sizeof(*keys));

	if (keys)
		(void)pthread_mutex_init(&keys->lock, NULL);
	return keys;
}

void police_keys_free(struct police_keys *keys)
{
	if (!keys)
		return;
	(void)pthread_mutex_destroy(&keys->lock);
	free(keys);
}

void police_keys_look_again(struct police_keys *keys)
{
	if (!keys)
		return;
	(void)pthread_mutex_lock(&keys->lock);
	keys->age++;
	memset(keys->known, 0, sizeof(keys->known));
	(void)pthread_mutex_unlock(&keys->lock);
}

static bool recall(struct police_keys *keys, const struct object_view *key,
	uint8_t spki[SIGNED_SPKI_LEN], unsigned long *age)
{
	bool found = false;

	(void)pthread_mutex_lock(&keys->lock);
	*age = keys->age;
	for (size_t i = 0; i < KEYS_MAX && !found; i++) {
		found = keys->known[i].handle == key->handle &&
			keys->known[i].native == key->native;
		if (found)
			memcpy(spki, keys->known[i].spki, SIGNED_SPKI_LEN);
	}
	(void)pthread_mutex_unlock(&keys->lock);
	return found;
}

static void remember(struct police_keys *keys, const struct object_view *key,
	const uint8_t spki[SIGNED_SPKI_LEN], unsigned long age)
{
	(void)pthread_mutex_lock(&keys->lock);
	if (keys->age == age) {
		struct known *known = &keys->known[keys->next];

		*known = (struct known){ .handle = key->handle, .native = key->native };
		memcpy(known->spki, spki, SIGNED_SPKI_LEN);
		keys->next = (keys->next + 1) % KEYS_MAX;
	}
	(void)pthread_mutex_unlock(&keys->lock);
}

static bool verifies(
	EVP_PKEY *public_key, const char *digest, struct bytes challenge, struct bytes signature)
{
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx &&
	       EVP_DigestVerifyInit_ex(ctx, NULL, *digest ? digest : NULL, key_library(),
		       "?provider=default", public_key, NULL) == 1 &&
	       EVP_DigestVerify(
		       ctx, signature.data, signature.len, challenge.data, challenge.len) == 1;
}

/*
 * Whether the private key makes what this public one verifies. One that cannot sign now (made for
 * another use, or with a PIN for each signature) is believed: it is not what a CA signs with.
 */
static bool is_proven(struct key_session *session, EVP_PKEY *public_key)
{
	const struct key_signer signer = { key_sign_in_session, session };
	const char *digest = certificate_digest_for(public_key, NULL);
	uint8_t challenge[CHALLENGE_LEN], signature[SIGNATURE_MAX];
	size_t len = sizeof(signature);
	CLEANUP(pkey) EVP_PKEY *key = key_new(public_key, &signer);
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!key || !ctx || RAND_bytes(challenge, sizeof(challenge)) != 1 ||
		EVP_DigestSignInit_ex(
			ctx, NULL, *digest ? digest : NULL, key_library(), NULL, key, NULL) != 1)
		return false;
	if (EVP_DigestSign(ctx, signature, &len, challenge, sizeof(challenge)) != 1) {
		CK_RV rv = key_last_error();

		return rv == CKR_KEY_FUNCTION_NOT_PERMITTED || rv == CKR_USER_NOT_LOGGED_IN ||
		       rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_MECHANISM_INVALID;
	}
	return verifies(public_key, digest, bytes_of(challenge, sizeof(challenge)),
		bytes_of(signature, len));
}

static CK_RV read_key(struct key_session *session, uint8_t spki[SIGNED_SPKI_LEN])
{
	CLEANUP(pkey) EVP_PKEY *public_key = NULL;

	TRY(key_find_public(session, &public_key));
	if (!is_proven(session, public_key))
		return CKR_IOTHSM_NO_KEY;
	return signed_hash_key(public_key, spki) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV police_key_find(
	struct request *request, const struct object_view *key, uint8_t spki[SIGNED_SPKI_LEN])
{
	struct token *token = request->token;
	struct key_session session = { request->functions, token->slot, CK_INVALID_HANDLE,
		key->native };
	unsigned long age = 0;

	if (recall(token->police_keys, key, spki, &age))
		return CKR_OK;
	TRY(token_take_session(token, &session.session));
	(void)ERR_set_mark();
	CK_RV rv = read_key(&session, spki);

	(void)ERR_pop_to_mark();
	/* A signature that failed may have left an operation behind. */
	if (rv == CKR_OK)
		token_put_session(token, session.session);
	else
		token_close_session(token, session.session);
	TRY(rv);
	remember(token->police_keys, key, spki, age);
	return CKR_OK;
}
