/* SPDX-License-Identifier: Apache-2.0 */
/* Signing with a CA key on the calling thread's own session, healed once when session or handle are
 * gone. */
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "hsm_token.h"
#include "log.h"
#include "text.h"

enum { SAME_ID_MAX = 16, SIGN_AGAIN_MAX = 2 };

struct hsm_key {
	struct hsm *hsm;
	size_t index;
	X509 *cert;           /* never changes: a key is known by its certificate */
	pthread_mutex_t lock; /* guards all below */
	size_t token;
	uint8_t id[HSM_ID_MAX];
	size_t id_len;
	unsigned int moves;
};

struct thread_session {
	bool open;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE handle;
};

struct thread_key {
	bool found;
	unsigned int moves;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE handle;
};

/* What one thread has opened and found. */
struct hsm_thread {
	struct hsm *hsm;
	struct thread_session sessions[HSM_TOKENS_MAX];
	struct thread_key keys[HSM_KEYS_MAX];
	char input[HSM_INPUT_SIZE];
};

static _Thread_local struct hsm_thread *own_thread;

CK_RV hsm_thread_begin(struct hsm *hsm)
{
	own_thread = calloc(1, sizeof(*own_thread));
	if (!own_thread)
		return CKR_HOST_MEMORY;
	own_thread->hsm = hsm;
	return CKR_OK;
}

void hsm_thread_end(void)
{
	for (size_t i = 0; own_thread && i < HSM_TOKENS_MAX; i++) {
		if (own_thread->sessions[i].open)
			(void)own_thread->hsm->functions->C_CloseSession(
				own_thread->sessions[i].handle);
	}
	free(own_thread);
	own_thread = NULL;
}

void hsm_thread_take_input(char input[HSM_INPUT_SIZE])
{
	input[0] = '\0';
	if (!own_thread)
		return;
	memcpy(input, own_thread->input, HSM_INPUT_SIZE);
	own_thread->input[0] = '\0';
}

static void keep_input(struct bytes message)
{
	uint8_t digest[HSM_INPUT_SIZE / 2];

	if (EVP_Digest(message.data, message.len, digest, NULL, EVP_sha256(), NULL) == 1)
		text_hex(own_thread->input, bytes_of(digest, sizeof(digest)));
}

struct hsm_key *hsm_key_new(struct hsm *hsm, const struct hsm_found *found)
{
	struct hsm_key *key = hsm->key_count < HSM_KEYS_MAX ? calloc(1, sizeof(*key)) : NULL;

	if (!key || X509_up_ref(found->cert) != 1) {
		free(key);
		return NULL;
	}
	key->hsm = hsm;
	key->cert = found->cert;
	(void)pthread_mutex_init(&key->lock, NULL);
	hsm_key_move(key, found);
	(void)pthread_mutex_lock(&hsm->lock);
	key->index = hsm->key_count;
	hsm->keys[hsm->key_count++] = key;
	(void)pthread_mutex_unlock(&hsm->lock);
	return key;
}

void hsm_key_free(struct hsm_key *key)
{
	X509_free(key->cert);
	(void)pthread_mutex_destroy(&key->lock);
	free(key);
}

void hsm_key_move(struct hsm_key *key, const struct hsm_found *found)
{
	(void)pthread_mutex_lock(&key->lock);
	if (key->token != found->token || !bytes_equal(bytes_of(key->id, key->id_len), found->id)) {
		key->token = found->token;
		key->id_len = found->id.len;
		if (found->id.len > 0)
			memcpy(key->id, found->id.data, found->id.len);
		key->moves++;
	}
	(void)pthread_mutex_unlock(&key->lock);
}

size_t hsm_key_token(struct hsm_key *key)
{
	(void)pthread_mutex_lock(&key->lock);
	size_t token = key->token;

	(void)pthread_mutex_unlock(&key->lock);
	return token;
}

/* A copy to work with outside the lock. */
struct place {
	size_t token;
	uint8_t id[HSM_ID_MAX];
	size_t id_len;
	unsigned int moves;
};

static struct place place_of(struct hsm_key *key)
{
	struct place place;

	(void)pthread_mutex_lock(&key->lock);
	place.token = key->token;
	place.id_len = key->id_len;
	place.moves = key->moves;
	memcpy(place.id, key->id, key->id_len);
	(void)pthread_mutex_unlock(&key->lock);
	return place;
}

static void close_session(struct hsm_thread *thread, struct thread_session *session)
{
	if (session->open)
		(void)thread->hsm->functions->C_CloseSession(session->handle);
	session->open = false;
}

static CK_RV open_session(struct hsm_thread *thread, size_t token_index)
{
	struct hsm_token *token = thread->hsm->tokens[token_index];
	struct thread_session *session = &thread->sessions[token_index];

	struct hsm_view view = hsm_token_view(token);
	bool fits = session->open && session->slot == view.slot;

	if (fits && view.logged_in)
		return CKR_OK;
	/* The token's own session carries the login; it may be gone as well. */
	(void)pthread_mutex_lock(&token->lock);
	CK_RV rv = hsm_token_open_locked(thread->hsm, token);

	(void)pthread_mutex_unlock(&token->lock);
	if (rv != CKR_OK || fits)
		return rv;
	close_session(thread, session);
	TRY(thread->hsm->functions->C_OpenSession(
		view.slot, CKF_SERIAL_SESSION, NULL, NULL, &session->handle));
	session->open = true;
	session->slot = view.slot;
	return CKR_OK;
}

/* Of the keys with this CKA_ID, the one whose public key is the certificate's. */
static CK_RV find_key(struct hsm_key *key, struct key_session *session, struct bytes id)
{
	CK_OBJECT_HANDLE handles[SAME_ID_MAX];
	size_t count = 0;

	TRY(hsm_find(session->functions, session->session, CKO_PRIVATE_KEY, id, handles,
		SAME_ID_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		CLEANUP(pkey) EVP_PKEY *public_key = NULL;

		session->private_key = handles[i];
		if (key_find_public(session, &public_key) == CKR_OK &&
			certificate_has_key(key->cert, public_key))
			return CKR_OK;
	}
	return CKR_KEY_HANDLE_INVALID;
}

static CK_RV prepare(struct hsm_thread *thread, struct hsm_key *key, struct key_session *session)
{
	struct place place = place_of(key);
	struct thread_key *known = &thread->keys[key->index];

	TRY(open_session(thread, place.token));
	*session = (struct key_session){ thread->hsm->functions, thread->sessions[place.token].slot,
		thread->sessions[place.token].handle, known->handle };
	if (known->found && known->moves == place.moves && known->session == session->session)
		return CKR_OK;
	known->found = false;
	TRY(find_key(key, session, bytes_of(place.id, place.id_len)));
	*known = (struct thread_key){ true, place.moves, session->session, session->private_key };
	return CKR_OK;
}

/* After these a fresh session or handle may do; signing the same bytes twice does no harm here. */
static bool is_healable(CK_RV rv)
{
	static const CK_RV healable[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
		CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN,
		CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_OPERATION_ACTIVE,
		CKR_OPERATION_NOT_INITIALIZED };

	for (size_t i = 0; i < ARRAY_LEN(healable); i++) {
		if (rv == healable[i])
			return true;
	}
	return false;
}

static void forget(struct hsm_thread *thread, struct hsm_key *key, CK_RV rv)
{
	size_t index = hsm_key_token(key);
	struct hsm_token *token = thread->hsm->tokens[index];

	thread->keys[key->index].found = false;
	close_session(thread, &thread->sessions[index]);
	if (rv == CKR_USER_NOT_LOGGED_IN)
		hsm_token_set_logged_in(token, false);
}

static CK_RV sign_once(struct hsm_key *key, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	struct key_session session;

	TRY(prepare(own_thread, key, &session));
	return key_sign_in_session(&session, mechanism, message, signature, len);
}

static CK_RV sign(void *context, CK_MECHANISM *mechanism, struct bytes message, uint8_t *signature,
	CK_ULONG *len)
{
	struct hsm_key *key = context;
	CK_ULONG room = *len;

	if (!own_thread)
		return CKR_FUNCTION_FAILED;
	keep_input(message);
	CK_RV rv = sign_once(key, mechanism, message, signature, len);

	/* A token host that has just started may fall once more. */
	for (int i = 0; is_healable(rv) && i < SIGN_AGAIN_MAX; i++) {
		log_info("hsm: signing failed, again on a fresh session reason=\"%s\" rv=0x%lx",
			hsm_describe(rv), rv);
		forget(own_thread, key, rv);
		*len = room;
		rv = sign_once(key, mechanism, message, signature, len);
	}
	if (rv == CKR_OK)
		hsm_token_confirm(key->hsm->tokens[hsm_key_token(key)]);
	else
		log_error("hsm: signing failed reason=\"%s\" rv=0x%lx", hsm_describe(rv), rv);
	return rv;
}

struct key_signer hsm_key_signer(struct hsm_key *key)
{
	return (struct key_signer){ sign, key };
}

CK_RV hsm_key_probe(struct hsm_key *key)
{
	struct key_session session;

	if (!own_thread)
		return CKR_FUNCTION_FAILED;
	forget(own_thread, key, CKR_OK);
	return prepare(own_thread, key, &session);
}
