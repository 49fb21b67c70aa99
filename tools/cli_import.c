/* SPDX-License-Identifier: Apache-2.0 */
/* A private key from a file as the PKCS#11 objects it becomes. */
#include "cli_import.h"

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "cleanup.h"

enum { IMPORT_PASSWORD_MAX = 256, IMPORT_RSA_BITS_MIN = 2048, IMPORT_RSA_BITS_MAX = 8192 };

struct import_number {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
	bool public;
	bool private;
};

static const struct import_number rsa_numbers[] = {
	{ CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N, true, true },
	{ CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E, true, true },
	{ CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D, false, true },
	{ CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1, false, true },
	{ CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2, false, true },
	{ CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1, false, true },
	{ CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2, false, true },
	{ CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, false, true },
};

static int password_callback(char *buffer, int size, int rwflag, void *context)
{
	struct cli_import_password *password = context;
	size_t len = 0;

	(void)rwflag;
	password->asked = true;
	password->rv = password->read(password->context, buffer, (size_t)size, &len);
	return password->rv == CKR_OK ? (int)len : -1;
}

EVP_PKEY *cli_import_parse(struct bytes text, struct cli_import_password *password)
{
	EVP_PKEY *key = NULL;
	OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
		&key, NULL, NULL, NULL, OSSL_KEYMGMT_SELECT_KEYPAIR, NULL, NULL);
	const unsigned char *data = text.data;
	size_t left = text.len;

	if (decoder && OSSL_DECODER_CTX_set_pem_password_cb(decoder, password_callback, password))
		(void)OSSL_DECODER_from_data(decoder, &data, &left);
	OSSL_DECODER_CTX_free(decoder);
	ERR_clear_error();
	return key;
}

/* Room for a value in the wiped buffer; NULL when it is full. */
static uint8_t *material_take(struct cli_import *import, size_t len)
{
	uint8_t *place = import->material + import->used;

	if (len > sizeof(import->material) - import->used)
		return NULL;
	import->used += len;
	return place;
}

/* len 0: as long as the number is; else padded on the left. */
static bool take_number(struct cli_import *import, const EVP_PKEY *key, const char *name,
	size_t len, struct bytes *value)
{
	BIGNUM *number = NULL;
	uint8_t *place = NULL;

	if (EVP_PKEY_get_bn_param(key, name, &number)) {
		len = len ? len : (size_t)BN_num_bytes(number);
		place = material_take(import, len);
		if (place && BN_bn2binpad(number, place, (int)len) < 0)
			place = NULL;
	}
	BN_clear_free(number);
	*value = bytes_of(place, len);
	return place != NULL;
}

static bool fill_rsa(struct cli_import *import, const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	if (bits < IMPORT_RSA_BITS_MIN || bits > IMPORT_RSA_BITS_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rsa_numbers); i++) {
		const struct import_number *number = &rsa_numbers[i];
		struct bytes value;

		if (!take_number(import, key, number->name, 0, &value))
			return false;
		if (number->public)
			cli_key_put(&import->public_key, number->type, value.data, value.len);
		if (number->private)
			cli_key_put(&import->private_key, number->type, value.data, value.len);
	}
	import->type = CKK_RSA;
	return true;
}

/* CKA_EC_POINT is a DER OCTET STRING around the point (PKCS#11 3.0, 2.3.3). */
static bool fill_point(struct cli_import *import, struct bytes point)
{
	size_t header = point.len < 128 ? 2 : 3;
	uint8_t *place = point.len < 256 ? material_take(import, header + point.len) : NULL;

	if (!place)
		return false;
	place[0] = 0x04;
	place[1] = header == 2 ? (uint8_t)point.len : 0x81;
	if (header == 3)
		place[2] = (uint8_t)point.len;
	memcpy(place + header, point.data, point.len);
	cli_key_put(&import->public_key, CKA_EC_POINT, place, header + point.len);
	return true;
}

static const char *const curve_names[][2] = {
	{ "prime256v1", "EC:prime256v1" },
	{ "secp384r1", "EC:secp384r1" },
	{ "secp521r1", "EC:secp521r1" },
};

static const struct cli_key_type *curve_of(const EVP_PKEY *key)
{
	char name[64];
	size_t len;

	if (!EVP_PKEY_get_utf8_string_param(
		    key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), &len))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(curve_names); i++)
		if (strcmp(curve_names[i][0], name) == 0)
			return cli_key_type_find(curve_names[i][1]);
	return NULL;
}

static void fill_params(struct cli_import *import, const struct cli_key_type *type)
{
	import->type = type->type;
	cli_key_put(&import->public_key, CKA_EC_PARAMS, type->params.data, type->params.len);
	cli_key_put(&import->private_key, CKA_EC_PARAMS, type->params.data, type->params.len);
}

static bool fill_ec(struct cli_import *import, const EVP_PKEY *key)
{
	const struct cli_key_type *curve = curve_of(key);
	size_t field = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	struct bytes x, y, secret;
	uint8_t point[1 + 2 * 66] = { 0x04 };

	if (!curve || field > 66)
		return false;
	if (!take_number(import, key, OSSL_PKEY_PARAM_EC_PUB_X, field, &x) ||
		!take_number(import, key, OSSL_PKEY_PARAM_EC_PUB_Y, field, &y) ||
		!take_number(import, key, OSSL_PKEY_PARAM_PRIV_KEY, field, &secret))
		return false;
	memcpy(point + 1, x.data, field);
	memcpy(point + 1 + field, y.data, field);
	fill_params(import, curve);
	cli_key_put(&import->private_key, CKA_VALUE, secret.data, secret.len);
	return fill_point(import, bytes_of(point, 1 + 2 * field));
}

static bool fill_ed25519(struct cli_import *import, const EVP_PKEY *key)
{
	uint8_t point[32];
	size_t point_len = sizeof(point), secret_len = 32;
	uint8_t *secret = material_take(import, secret_len);

	if (!secret || EVP_PKEY_get_raw_private_key(key, secret, &secret_len) != 1 ||
		EVP_PKEY_get_raw_public_key(key, point, &point_len) != 1)
		return false;
	fill_params(import, cli_key_type_find("ed25519"));
	cli_key_put(&import->private_key, CKA_VALUE, secret, secret_len);
	return fill_point(import, bytes_of(point, point_len));
}

bool cli_import_fill(struct cli_import *import, const EVP_PKEY *key)
{
	bool filled = false;

	if (EVP_PKEY_is_a(key, "RSA"))
		filled = fill_rsa(import, key);
	else if (EVP_PKEY_is_a(key, "EC"))
		filled = fill_ec(import, key);
	else if (EVP_PKEY_is_a(key, "ED25519"))
		filled = fill_ed25519(import, key);
	if (!filled)
		return false;
	cli_key_put(&import->public_key, CKA_KEY_TYPE, &import->type, sizeof(import->type));
	cli_key_put(&import->private_key, CKA_KEY_TYPE, &import->type, sizeof(import->type));
	return true;
}

void cli_import_wipe(struct cli_import *import)
{
	explicit_bzero(import, sizeof(*import));
}
