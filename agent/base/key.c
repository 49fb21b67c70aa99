/* SPDX-License-Identifier: Apache-2.0 */
/* The private library context, and keys whose operations run through a signer. */
#include "key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>

#include "cleanup.h"
#include "key_provider.h"

static OSSL_LIB_CTX *library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static _Thread_local CK_RV last_error;

CK_RV key_last_error(void)
{
	return last_error;
}

void key_forget_error(void)
{
	last_error = CKR_OK;
}

struct key_object *key_object_reference(struct key_object *key)
{
	atomic_fetch_add(&key->references, 1);
	return key;
}

void key_object_free(struct key_object *key)
{
	if (!key || atomic_fetch_sub(&key->references, 1) != 1)
		return;
	EVP_PKEY_free(key->public_key);
	free(key);
}

CK_RV key_object_sign(struct key_object *key, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	const struct key_signer *signer = &key->signer;

	last_error = signer->sign
			     ? signer->sign(signer->context, mechanism, message, signature, len)
			     : CKR_KEY_FUNCTION_NOT_PERMITTED;
	return last_error;
}

static const OSSL_ALGORITHM *query_operation(void *context, int operation, int *no_cache)
{
	(void)context;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return key_management_algorithms;
	return operation == OSSL_OP_SIGNATURE ? key_signature_algorithms : NULL;
}

static int initialize_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation },
		{ 0, NULL },
	};
	static int provider_context;

	(void)handle;
	(void)in;
	*out = functions;
	*context = &provider_context;
	return 1;
}

/* The default provider comes first, and is preferred, so that all but our own keys stay with it. */
static void make_library(void)
{
	OSSL_LIB_CTX *made = OSSL_LIB_CTX_new();

	if (made && OSSL_PROVIDER_load(made, "default") &&
		OSSL_PROVIDER_add_builtin(made, KEY_PROVIDER_NAME, initialize_provider) == 1 &&
		OSSL_PROVIDER_load(made, KEY_PROVIDER_NAME) &&
		EVP_set_default_properties(made, "?provider=default") == 1)
		library = made;
	else
		OSSL_LIB_CTX_free(made);
}

OSSL_LIB_CTX *key_library(void)
{
	return pthread_once(&library_once, make_library) == 0 ? library : NULL;
}

static const char *type_name(const EVP_PKEY *key)
{
	static const char *const names[] = { "RSA", "EC", "ED25519", "ED448" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (EVP_PKEY_is_a(key, names[i]))
			return names[i];
	}
	return NULL;
}

EVP_PKEY *key_new(EVP_PKEY *public_key, const struct key_signer *signer)
{
	const char *type = type_name(public_key);
	struct key_handle handle = { public_key, *signer };
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(KEY_PARAM_HANDLE, &handle, sizeof(handle)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (!type || !key_library())
		return NULL;
	CLEANUP(pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(library, type, KEY_PROVIDER_PROPERTIES);

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		return NULL;
	return key;
}
