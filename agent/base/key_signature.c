/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of our OpenSSL provider: the whole message goes to the key's signer. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "cleanup.h"
#include "key_algorithm.h"
#include "key_provider.h"

enum { SIGNATURE_MAX_BYTES = 2048, MESSAGE_MAX_BYTES = 64 * 1024 * 1024 };

struct signature {
	struct key_object *key;
	struct key_algorithm algorithm;
	uint8_t *message; /* gathered by update */
	size_t len;
	size_t room;
};

static void *new_signature(void *context, const char *properties)
{
	struct signature *signature = calloc(1, sizeof(*signature));

	(void)context;
	(void)properties;
	return signature;
}

static void free_signature(void *data)
{
	struct signature *signature = data;

	if (!signature)
		return;
	key_object_free(signature->key);
	free(signature->message);
	free(signature);
}

static int append(struct signature *signature, const uint8_t *data, size_t len)
{
	if (len > MESSAGE_MAX_BYTES - signature->len)
		return 0;
	if (len > signature->room - signature->len) {
		size_t room = (signature->len + len) * 2;
		uint8_t *grown = realloc(signature->message, room);

		if (!grown)
			return 0;
		signature->message = grown;
		signature->room = room;
	}
	if (len > 0)
		memcpy(signature->message + signature->len, data, len);
	signature->len += len;
	return 1;
}

static void *duplicate(void *data)
{
	const struct signature *from = data;
	struct signature *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	copy->algorithm = from->algorithm;
	copy->key = from->key ? key_object_reference(from->key) : NULL;
	if (append(copy, from->message, from->len))
		return copy;
	free_signature(copy);
	return NULL;
}

static int set_params(void *data, const OSSL_PARAM params[])
{
	struct signature *signature = data;

	return key_algorithm_set(&signature->algorithm, params);
}

static int get_params(void *data, OSSL_PARAM params[])
{
	struct signature *signature = data;

	return signature->key &&
	       key_algorithm_get(&signature->algorithm, signature->key->public_key, params);
}

static const OSSL_PARAM *list_params(void *data, void *context)
{
	(void)data;
	(void)context;
	return key_algorithm_params;
}

static int initialize(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signature *signature = data;

	if (key) {
		key_object_free(signature->key);
		signature->key = key_object_reference(key);
		signature->algorithm = (struct key_algorithm){ .type = signature->key->type,
			.salt_len = RSA_PSS_SALTLEN_DIGEST };
	}
	signature->len = 0;
	return signature->key && key_algorithm_set_digest(&signature->algorithm, digest) &&
	       key_algorithm_set(&signature->algorithm, params);
}

/* PKCS#11 gives r || s (3.0, 2.3.1), X.509 wants SEQUENCE { r, s }. */
static int copy_ecdsa(struct bytes raw, uint8_t *out, size_t *len, size_t room)
{
	int half = (int)(raw.len / 2);
	ECDSA_SIG *pair = raw.len > 0 && raw.len % 2 == 0 ? ECDSA_SIG_new() : NULL;
	BIGNUM *r = BN_bin2bn(raw.data, half, NULL);
	BIGNUM *s = BN_bin2bn(raw.data + half, half, NULL);
	int copied = 0;

	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		unsigned char *next = out;

		r = s = NULL;
		int size = i2d_ECDSA_SIG(pair, NULL);

		copied = size > 0 && (size_t)size <= room && i2d_ECDSA_SIG(pair, &next) == size;
		*len = (size_t)size;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return copied;
}

static int copy_raw(struct bytes raw, uint8_t *out, size_t *len, size_t room)
{
	if (raw.len > room)
		return 0;
	memcpy(out, raw.data, raw.len);
	*len = raw.len;
	return 1;
}

static int sign_message(
	struct signature *signature, struct bytes message, uint8_t *out, size_t *len, size_t room)
{
	struct key_mechanism mechanism;
	uint8_t raw[SIGNATURE_MAX_BYTES];
	CK_ULONG raw_len = sizeof(raw);

	if (!key_algorithm_mechanism(
		    &signature->algorithm, signature->key->public_key, &mechanism) ||
		key_object_sign(signature->key, &mechanism.mechanism, message, raw, &raw_len) !=
			CKR_OK ||
		raw_len > sizeof(raw))
		return 0;
	if (strcmp(signature->key->type, "EC") == 0)
		return copy_ecdsa(bytes_of(raw, raw_len), out, len, room);
	return copy_raw(bytes_of(raw, raw_len), out, len, room);
}

/* A length query never reaches the token. */
static int answer_length(const struct signature *signature, size_t *len)
{
	int size = EVP_PKEY_get_size(signature->key->public_key);

	*len = size > 0 ? (size_t)size : 0;
	return size > 0;
}

static int sign_once(void *data, unsigned char *out, size_t *len, size_t room,
	const unsigned char *message, size_t message_len)
{
	struct signature *signature = data;

	if (!signature->key)
		return 0;
	if (!out)
		return answer_length(signature, len);
	return sign_message(signature, bytes_of(message, message_len), out, len, room);
}

static int update(void *data, const unsigned char *part, size_t len)
{
	return append(data, part, len);
}

static int final(void *data, unsigned char *out, size_t *len, size_t room)
{
	struct signature *signature = data;

	if (!signature->key)
		return 0;
	if (!out)
		return answer_length(signature, len);
	return sign_message(
		signature, bytes_of(signature->message, signature->len), out, len, room);
}

#define COMMON_FUNCTIONS                                                                           \
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_signature },                             \
		{ OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))free_signature },                   \
		{ OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))duplicate },                         \
		{ OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))get_params },                \
		{ OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))list_params },          \
		{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))set_params },                \
		{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))list_params },          \
		{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))initialize },              \
	{                                                                                          \
		OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))sign_once                         \
	}

static const OSSL_DISPATCH hashed_functions[] = {
	COMMON_FUNCTIONS,
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void)) final },
	{ 0, NULL },
};

/* EdDSA passes over the message twice (RFC 8032), so OpenSSL knows it in one part only. */
static const OSSL_DISPATCH edwards_functions[] = {
	COMMON_FUNCTIONS,
	{ 0, NULL },
};

const OSSL_ALGORITHM key_signature_algorithms[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", KEY_PROVIDER_PROPERTIES, hashed_functions,
		NULL },
	{ "ECDSA", KEY_PROVIDER_PROPERTIES, hashed_functions, NULL },
	{ "ED25519:1.3.101.112", KEY_PROVIDER_PROPERTIES, edwards_functions, NULL },
	{ "ED448:1.3.101.113", KEY_PROVIDER_PROPERTIES, edwards_functions, NULL },
	{ NULL, NULL, NULL, NULL },
};
