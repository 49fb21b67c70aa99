/* SPDX-License-Identifier: Apache-2.0 */
/* Key management of our OpenSSL provider: public questions are answered by the default provider's
 * key. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "cleanup.h"
#include "key_provider.h"

static void *new_object(const char *type)
{
	struct key_object *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	atomic_init(&key->references, 1);
	key->type = type;
	return key;
}

static void *new_rsa(void *context)
{
	(void)context;
	return new_object("RSA");
}

static void *new_ec(void *context)
{
	(void)context;
	return new_object("EC");
}

static void *new_ed25519(void *context)
{
	(void)context;
	return new_object("ED25519");
}

static void *new_ed448(void *context)
{
	(void)context;
	return new_object("ED448");
}

static void free_key(void *key)
{
	key_object_free(key);
}

static void *duplicate(const void *key, int selection)
{
	(void)selection;
	/* A key never changes once it is imported, so a copy is one more reference. */
	return key_object_reference((struct key_object *)(uintptr_t)key);
}

static int has(const void *data, int selection)
{
	const struct key_object *key = data;

	if (!key || !key->public_key)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->signer.sign;
}

static int match(const void *data1, const void *data2, int selection)
{
	const struct key_object *a = data1, *b = data2;

	(void)selection;
	return a->public_key && b->public_key && EVP_PKEY_eq(a->public_key, b->public_key) == 1;
}

static int import_handle(struct key_object *key, const OSSL_PARAM *param)
{
	struct key_handle handle;

	if (param->data_type != OSSL_PARAM_OCTET_STRING || param->data_size != sizeof(handle))
		return 0;
	memcpy(&handle, param->data, sizeof(handle));
	if (!handle.signer.sign || EVP_PKEY_up_ref(handle.public_key) != 1)
		return 0;
	key->public_key = handle.public_key;
	key->signer = handle.signer;
	return 1;
}

/* Lets EVP_PKEY_eq() compare a certificate's key with ours, as CMS_sign() does before it signs. */
static int import_public(struct key_object *key, const OSSL_PARAM params[])
{
	CLEANUP(pkey_ctx)
	EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(key_library(), key->type, "provider=default");
	OSSL_PARAM *copy = OSSL_PARAM_dup(params);
	int made = ctx && copy && EVP_PKEY_fromdata_init(ctx) == 1 &&
		   EVP_PKEY_fromdata(ctx, &key->public_key, EVP_PKEY_PUBLIC_KEY, copy) == 1;

	OSSL_PARAM_free(copy);
	return made;
}

static int import(void *data, int selection, const OSSL_PARAM params[])
{
	struct key_object *key = data;
	const OSSL_PARAM *handle = OSSL_PARAM_locate_const(params, KEY_PARAM_HANDLE);

	(void)selection;
	if (key->public_key)
		return 0;
	return handle ? import_handle(key, handle) : import_public(key, params);
}

static const OSSL_PARAM *import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(KEY_PARAM_HANDLE, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

/*
 * EVP_DigestSignInit() first tries to move the key to the default provider: with its public half
 * alone that provider would sign nothing, so any export that asks for the private one fails.
 */
static int export(void *data, int selection, OSSL_CALLBACK *callback, void *argument)
{
	const struct key_object *key = data;

	if (!key->public_key || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
		return 0;
	return EVP_PKEY_export(key->public_key, selection, callback, argument);
}

static const OSSL_PARAM *export_types(int selection)
{
	static const OSSL_PARAM none[] = { OSSL_PARAM_END };

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? none : import_types(selection) + 1;
}

static int get_params(void *data, OSSL_PARAM params[])
{
	const struct key_object *key = data;

	return key->public_key && EVP_PKEY_get_params(key->public_key, params) == 1;
}

static const OSSL_PARAM *gettable_params(void *context)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)context;
	return gettable;
}

static const char *ec_operation_name(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

#define COMMON_FUNCTIONS                                                                           \
	{ OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))free_key },                                      \
		{ OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))duplicate },                              \
		{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has },                                    \
		{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))match },                                \
		{ OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import },                              \
		{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))import_types },                  \
		{ OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void)) export },                             \
		{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))export_types },                  \
		{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))get_params },                      \
	{                                                                                          \
		OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_params                 \
	}

static const OSSL_DISPATCH rsa_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_rsa },
	COMMON_FUNCTIONS,
	{ 0, NULL },
};

static const OSSL_DISPATCH ec_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_ec },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))ec_operation_name },
	COMMON_FUNCTIONS,
	{ 0, NULL },
};

static const OSSL_DISPATCH ed25519_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_ed25519 },
	COMMON_FUNCTIONS,
	{ 0, NULL },
};

static const OSSL_DISPATCH ed448_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_ed448 },
	COMMON_FUNCTIONS,
	{ 0, NULL },
};

const OSSL_ALGORITHM key_management_algorithms[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", KEY_PROVIDER_PROPERTIES, rsa_functions, NULL },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", KEY_PROVIDER_PROPERTIES, ec_functions, NULL },
	{ "ED25519:1.3.101.112", KEY_PROVIDER_PROPERTIES, ed25519_functions, NULL },
	{ "ED448:1.3.101.113", KEY_PROVIDER_PROPERTIES, ed448_functions, NULL },
	{ NULL, NULL, NULL, NULL },
};
