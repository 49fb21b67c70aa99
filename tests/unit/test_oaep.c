/* SPDX-License-Identifier: Apache-2.0 */
/* RSA-OAEP padding beside OpenSSL's own, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "oaep.h"

enum { KEY_LEN = 128 };

static CK_BYTE label[] = "label";

static struct oaep begun(CK_ULONG label_len)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA256, CKG_MGF1_SHA384, CKZ_DATA_SPECIFIED,
		label_len > 0 ? label : NULL, label_len };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_OAEP, &params, sizeof(params) };
	struct oaep oaep = { 0 };

	assert_int_equal(oaep_begin(&oaep, &mechanism, KEY_LEN), CKR_OK);
	return oaep;
}

static EVP_PKEY_CTX *context_of(EVP_PKEY *key, int padding)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	assert_non_null(context);
	assert_int_equal(padding == RSA_NO_PADDING ? EVP_PKEY_decrypt_init(context)
						   : EVP_PKEY_encrypt_init(context),
		1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, padding), 1);
	return context;
}

/* What a token with raw RSA gives to a message that OpenSSL encrypted with the label. */
static void decrypt_raw(EVP_PKEY *key, struct bytes message, uint8_t *block)
{
	EVP_PKEY_CTX *context = context_of(key, RSA_PKCS1_OAEP_PADDING);
	uint8_t encrypted[KEY_LEN];
	size_t len = sizeof(encrypted);

	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha384()), 1);
	assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(
				 context, OPENSSL_memdup(label, sizeof(label)), sizeof(label)),
		1);
	assert_int_equal(EVP_PKEY_encrypt(context, encrypted, &len, message.data, message.len), 1);
	EVP_PKEY_CTX_free(context);
	context = context_of(key, RSA_NO_PADDING);
	assert_int_equal(EVP_PKEY_decrypt(context, block, &len, encrypted, len), 1);
	assert_int_equal(len, KEY_LEN);
	EVP_PKEY_CTX_free(context);
}

static void message_that_openssl_encrypted_is_found(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_LEN * 8);
	struct oaep oaep = begun(sizeof(label));
	uint8_t block[KEY_LEN], message[KEY_LEN];
	CK_ULONG len = 0;

	(void)state;
	decrypt_raw(key, bytes_of_text("message"), block);
	assert_int_equal(oaep_unpad(&oaep, bytes_of(block, KEY_LEN), message, &len), CKR_OK);
	assert_true(bytes_equal(bytes_of(message, len), bytes_of_text("message")));
	oaep = begun(sizeof(label) - 1);
	assert_int_equal(oaep_unpad(&oaep, bytes_of(block, KEY_LEN), message, &len),
		CKR_ENCRYPTED_DATA_INVALID);
	EVP_PKEY_free(key);
}

static void padded_message_is_found_again(void **state)
{
	struct oaep oaep = begun(0);
	uint8_t block[KEY_LEN], message[KEY_LEN], found[KEY_LEN];
	CK_ULONG len = 0;

	(void)state;
	memset(message, 'm', sizeof(message));
	for (size_t i = 0; i <= oaep_room(&oaep); i++) {
		assert_int_equal(oaep_pad(&oaep, bytes_of(message, i), block), CKR_OK);
		assert_int_equal(block[0], 0);
		assert_int_equal(oaep_unpad(&oaep, bytes_of(block, KEY_LEN), found, &len), CKR_OK);
		assert_int_equal(len, i);
		assert_memory_equal(found, message, i);
	}
	assert_int_equal(oaep_pad(&oaep, bytes_of(message, oaep_room(&oaep) + 1), block),
		CKR_DATA_LEN_RANGE);
}

static void every_changed_byte_has_the_same_error(void **state)
{
	struct oaep oaep = begun(0);
	uint8_t block[KEY_LEN], found[KEY_LEN];
	CK_ULONG len = 4711;

	(void)state;
	for (size_t i = 0; i < KEY_LEN; i++) {
		assert_int_equal(oaep_pad(&oaep, bytes_of_text("message"), block), CKR_OK);
		block[i] ^= 0x40;
		assert_int_equal(oaep_unpad(&oaep, bytes_of(block, KEY_LEN), found, &len),
			CKR_ENCRYPTED_DATA_INVALID);
	}
	assert_int_equal(len, 4711);
}

static void wrong_parameters_are_refused(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS good = { CKM_SHA512, CKG_MGF1_SHA512, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_PKCS_OAEP_PARAMS params[] = { good, good, good, good };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_OAEP, &good, sizeof(good) };
	struct oaep oaep = { 0 };

	(void)state;
	params[0].hashAlg = CKM_MD5;
	params[1].mgf = 0;
	params[2].ulSourceDataLen = 1;
	params[3].pSourceData = label;
	params[3].ulSourceDataLen = OAEP_LABEL_MAX + 1;
	assert_int_equal(oaep_begin(&oaep, &mechanism, 2 * 64 + 2), CKR_KEY_SIZE_RANGE);
	assert_int_equal(oaep_begin(&oaep, &mechanism, OAEP_KEY_MAX + 1), CKR_KEY_SIZE_RANGE);
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		mechanism.pParameter = &params[i];
		assert_int_equal(oaep_begin(&oaep, &mechanism, 256), CKR_MECHANISM_PARAM_INVALID);
	}
	mechanism.ulParameterLen--;
	assert_int_equal(oaep_begin(&oaep, &mechanism, 256), CKR_MECHANISM_PARAM_INVALID);
	assert_null(oaep.hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_that_openssl_encrypted_is_found),
		cmocka_unit_test(padded_message_is_found_again),
		cmocka_unit_test(every_changed_byte_has_the_same_error),
		cmocka_unit_test(wrong_parameters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
