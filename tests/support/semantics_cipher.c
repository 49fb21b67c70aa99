/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption, digests, random numbers and wrapped keys. */
#include "semantics.h"

#include <stdlib.h>
#include <string.h>

enum { LONG_MESSAGE = 5 * 1024 * 1024 };

static void aes_modes_with_parameters_round_trip(void **state)
{
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
	CK_ULONG key_len = 32;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &key_len, sizeof(key_len) },
		{ CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 } };
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BYTE iv[16] = "0123456789abcdef";
	CK_BYTE aad[5] = "extra";
	CK_GCM_PARAMS gcm = { iv, 12, 96, aad, sizeof(aad), 128 };
	CK_AES_CTR_PARAMS counter = { 128, { 0 } };
	CK_MECHANISM modes[] = { { CKM_AES_CBC_PAD, iv, 16 }, { CKM_AES_GCM, &gcm, sizeof(gcm) },
		{ CKM_AES_CTR, &counter, sizeof(counter) }, { CKM_AES_ECB, NULL, 0 } };
	CK_BYTE plain[32] = "thirty-two bytes of plain text.";
	CK_OBJECT_HANDLE key;

	(void)state;
	log_in(session);
	assert_int_equal(p11->C_GenerateKey(session, &generate, template, 3, &key), CKR_OK);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		CK_BYTE encrypted[128];
		CK_BYTE decrypted[128];
		CK_ULONG len = sizeof(encrypted);
		CK_ULONG back = sizeof(decrypted);

		assert_int_equal(p11->C_EncryptInit(session, &modes[i], key), CKR_OK);
		assert_int_equal(
			p11->C_Encrypt(session, plain, sizeof(plain), encrypted, &len), CKR_OK);
		assert_memory_not_equal(encrypted, plain, sizeof(plain));
		assert_int_equal(p11->C_DecryptInit(session, &modes[i], key), CKR_OK);
		assert_int_equal(p11->C_Decrypt(session, encrypted, len, decrypted, &back), CKR_OK);
		assert_int_equal(back, sizeof(plain));
		assert_memory_equal(decrypted, plain, sizeof(plain));
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void long_digest_in_one_call_equals_many(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_BYTE *data = calloc(1, LONG_MESSAGE);
	CK_BYTE one[32];
	CK_BYTE many[32];
	CK_ULONG len = sizeof(one);

	(void)state;
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(p11->C_Digest(session, data, LONG_MESSAGE, one, &len), CKR_OK);
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(p11->C_DigestUpdate(
					 session, data + i * (LONG_MESSAGE / 5), LONG_MESSAGE / 5),
			CKR_OK);
	assert_int_equal(p11->C_DigestFinal(session, many, &len), CKR_OK);
	assert_memory_equal(one, many, sizeof(one));
	free(data);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void random_bytes_differ(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_BYTE a[64] = { 0 };
	CK_BYTE b[64] = { 0 };

	(void)state;
	assert_int_equal(p11->C_GenerateRandom(session, a, sizeof(a)), CKR_OK);
	assert_int_equal(p11->C_GenerateRandom(session, b, sizeof(b)), CKR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void key_is_wrapped_and_unwrapped(void **state)
{
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG key_len = 16;
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &key_len, sizeof(key_len) },
		{ CKA_EXTRACTABLE, &yes, 1 }, { CKA_WRAP, &yes, 1 }, { CKA_UNWRAP, &yes, 1 },
		{ CKA_SENSITIVE, &no, 1 } };
	CK_ATTRIBUTE unwrapped[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_SENSITIVE, &no, 1 } };
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_HANDLE keys[3];
	CK_BYTE wrapped[64];
	CK_BYTE values[2][16];
	CK_ULONG len = 0;

	(void)state;
	log_in(session);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			p11->C_GenerateKey(session, &generate, template, 5, &keys[i]), CKR_OK);
	assert_int_equal(p11->C_WrapKey(session, &wrap, keys[0], keys[1], NULL, &len), CKR_OK);
	assert_int_equal(len, 24);
	assert_int_equal(p11->C_WrapKey(session, &wrap, keys[0], keys[1], wrapped, &len), CKR_OK);
	assert_int_equal(
		p11->C_UnwrapKey(session, &wrap, keys[0], wrapped, len, unwrapped, 4, &keys[2]),
		CKR_OK);
	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE value = { CKA_VALUE, values[i], 16 };

		assert_int_equal(p11->C_GetAttributeValue(session, keys[1 + i], &value, 1), CKR_OK);
	}
	assert_memory_equal(values[0], values[1], 16);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

int semantics_cipher(void)
{
	static const struct CMUnitTest tests[] = {
		IN_SESSION(aes_modes_with_parameters_round_trip),
		IN_SESSION(long_digest_in_one_call_equals_many),
		IN_SESSION(random_bytes_differ),
		IN_SESSION(key_is_wrapped_and_unwrapped),
	};

	return cmocka_run_group_tests_name("cipher", tests, NULL, NULL);
}
