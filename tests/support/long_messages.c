/* SPDX-License-Identifier: Apache-2.0 */
/* Messages longer than a frame between module and agent, in one call: started by
 * long_messages.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <iothsm/iothsm.h>
#include <string.h>

enum { LONG = 40 * 1024 * 1024 + 48, MARGIN = 64, PIECE = 1024 * 1024, ID_P256 = 1, ID_RSA = 2 };

static CK_FUNCTION_LIST *p11;
static CK_UTF8CHAR *pin;
static CK_SESSION_HANDLE session;
static CK_BYTE *message;
static CK_BYTE *output;

static CK_OBJECT_HANDLE find_key(CK_OBJECT_CLASS class, CK_BYTE id)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG count = 0;

	assert_int_equal(p11->C_FindObjectsInit(session, template, 2), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, &object, 1, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(count, 1);
	return object;
}

static CK_OBJECT_HANDLE generate_aes_key(void)
{
	CK_ULONG key_len = 16;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &key_len, sizeof(key_len) },
		{ CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 } };
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE key = 0;

	assert_int_equal(p11->C_GenerateKey(session, &generate, template, 3, &key), CKR_OK);
	return key;
}

static int start(void **state)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;

	(void)state;
	message = malloc(LONG);
	output = malloc(LONG + MARGIN);
	for (size_t i = 0; message && i < LONG; i++)
		message[i] = (CK_BYTE)(i * 31 + i / 4096);
	if (!message || !output || p11->C_Initialize(NULL) != CKR_OK ||
		p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK || count == 0 ||
		p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
			&session) != CKR_OK)
		return -1;
	return p11->C_Login(session, CKU_USER, pin, strlen((char *)pin)) == CKR_OK ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	free(message);
	free(output);
	return p11->C_Finalize(NULL) == CKR_OK ? 0 : -1;
}

static void digest_equals_that_of_many_parts(void **state)
{
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_BYTE digests[3][32];
	CK_ULONG len = 0;

	(void)state;
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(p11->C_Digest(session, message, LONG, NULL, &len), CKR_OK);
	assert_int_equal(len, 32);
	len = 31;
	assert_int_equal(
		p11->C_Digest(session, message, LONG, digests[0], &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, 32);
	assert_int_equal(p11->C_Digest(session, message, LONG, digests[0], &len), CKR_OK);
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(p11->C_DigestUpdate(session, message, LONG), CKR_OK);
	assert_int_equal(p11->C_DigestFinal(session, digests[1], &len), CKR_OK);
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	for (size_t i = 0; i < LONG; i += PIECE)
		assert_int_equal(p11->C_DigestUpdate(
					 session, message + i, LONG - i < PIECE ? LONG - i : PIECE),
			CKR_OK);
	assert_int_equal(p11->C_DigestFinal(session, digests[2], &len), CKR_OK);
	assert_memory_equal(digests[0], digests[2], 32);
	assert_memory_equal(digests[1], digests[2], 32);
}

static void check_signature(CK_MECHANISM_TYPE type, CK_BYTE id)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE signature[256];
	CK_ULONG len = sizeof(signature);

	assert_int_equal(
		p11->C_SignInit(session, &mechanism, find_key(CKO_PRIVATE_KEY, id)), CKR_OK);
	assert_int_equal(p11->C_Sign(session, message, LONG, signature, &len), CKR_OK);
	assert_int_equal(p11->C_Sign(session, message, LONG, signature, &len),
		CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(
		p11->C_VerifyInit(session, &mechanism, find_key(CKO_PUBLIC_KEY, id)), CKR_OK);
	assert_int_equal(p11->C_Verify(session, message, LONG, signature, len), CKR_OK);
	message[LONG - 1] ^= 1;
	assert_int_equal(
		p11->C_VerifyInit(session, &mechanism, find_key(CKO_PUBLIC_KEY, id)), CKR_OK);
	assert_int_equal(
		p11->C_Verify(session, message, LONG, signature, len), CKR_SIGNATURE_INVALID);
	message[LONG - 1] ^= 1;
}

static void rsa_signature_verifies(void **state)
{
	(void)state;
	check_signature(CKM_SHA256_RSA_PKCS, ID_RSA);
}

static void ecdsa_signature_verifies(void **state)
{
	(void)state;
	check_signature(CKM_ECDSA_SHA256, ID_P256);
}

static void mechanism_without_parts_refuses_a_long_message(void **state)
{
	CK_MECHANISM raw = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[256];
	CK_ULONG len = sizeof(signature);

	(void)state;
	assert_int_equal(p11->C_SignInit(session, &raw, find_key(CKO_PRIVATE_KEY, ID_RSA)), CKR_OK);
	assert_int_equal(p11->C_Sign(session, message, LONG, signature, &len), CKR_DATA_LEN_RANGE);
	assert_int_equal(
		p11->C_Sign(session, message, 16, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
}

static void check_cipher(CK_MECHANISM *mechanism, CK_ULONG expected)
{
	CK_OBJECT_HANDLE key = generate_aes_key();
	CK_ULONG len = 0;

	assert_int_equal(p11->C_EncryptInit(session, mechanism, key), CKR_OK);
	assert_int_equal(p11->C_Encrypt(session, message, LONG, NULL, &len), CKR_OK);
	assert_int_equal(len, expected);
	len = expected - 1;
	assert_int_equal(
		p11->C_Encrypt(session, message, LONG, output, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, expected);
	assert_int_equal(p11->C_Encrypt(session, message, LONG, output, &len), CKR_OK);
	assert_int_equal(len, expected);
	assert_memory_not_equal(output + LONG - 16, message + LONG - 16, 16);
	assert_int_equal(p11->C_DecryptInit(session, mechanism, key), CKR_OK);
	CK_ULONG back = LONG + MARGIN;

	/* In place, as PKCS#11 allows it. */
	assert_int_equal(p11->C_Decrypt(session, output, len, output, &back), CKR_OK);
	assert_int_equal(back, LONG);
	assert_memory_equal(output, message, LONG);
}

static void padded_encryption_comes_back(void **state)
{
	CK_BYTE iv[16] = "0123456789abcdef";
	CK_MECHANISM mechanism = { CKM_AES_CBC_PAD, iv, 16 };

	(void)state;
	check_cipher(&mechanism, LONG + 16);
}

static void counter_encryption_comes_back(void **state)
{
	CK_AES_CTR_PARAMS counter = { 128, { 0 } };
	CK_MECHANISM mechanism = { CKM_AES_CTR, &counter, sizeof(counter) };

	(void)state;
	check_cipher(&mechanism, LONG);
}

static void long_update_equals_the_whole(void **state)
{
	CK_BYTE iv[16] = "0123456789abcdef";
	CK_MECHANISM mechanism = { CKM_AES_CBC, iv, 16 };
	CK_OBJECT_HANDLE key = generate_aes_key();
	CK_BYTE last[16];
	CK_ULONG len = LONG;
	CK_ULONG last_len = sizeof(last);

	(void)state;
	assert_int_equal(p11->C_EncryptInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_EncryptUpdate(session, message, LONG, output, &len), CKR_OK);
	assert_int_equal(p11->C_EncryptFinal(session, last, &last_len), CKR_OK);
	assert_int_equal(len + last_len, LONG);
	assert_int_equal(p11->C_DecryptInit(session, &mechanism, key), CKR_OK);
	len = LONG;
	assert_int_equal(p11->C_Decrypt(session, output, LONG, output, &len), CKR_OK);
	assert_memory_equal(output, message, LONG);
}

static void much_random_is_random_to_its_end(void **state)
{
	(void)state;
	memset(output, 0, LONG);
	assert_int_equal(p11->C_GenerateRandom(session, output, LONG), CKR_OK);
	assert_memory_not_equal(output, output + LONG - 32, 32);
	assert_memory_not_equal(output + LONG - 32, (CK_BYTE[32]){ 0 }, 32);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(digest_equals_that_of_many_parts, start, stop),
		cmocka_unit_test_setup_teardown(rsa_signature_verifies, start, stop),
		cmocka_unit_test_setup_teardown(ecdsa_signature_verifies, start, stop),
		cmocka_unit_test_setup_teardown(
			mechanism_without_parts_refuses_a_long_message, start, stop),
		cmocka_unit_test_setup_teardown(padded_encryption_comes_back, start, stop),
		cmocka_unit_test_setup_teardown(counter_encryption_comes_back, start, stop),
		cmocka_unit_test_setup_teardown(long_update_equals_the_whole, start, stop),
		cmocka_unit_test_setup_teardown(much_random_is_random_to_its_end, start, stop),
	};
	void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get_function_list;

	if (!library)
		return 2;
	pin = (CK_UTF8CHAR *)argv[2];
	*(void **)&get_function_list = dlsym(library, "C_GetFunctionList");
	if (get_function_list(&p11) != CKR_OK)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
