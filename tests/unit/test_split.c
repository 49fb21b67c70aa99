/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "split.h"
#include "support/mock_agent.h"
#include "support/mock_session.h"

enum { WHOLE = WIRE_FRAME_MAX - 64 * 1024, LONG = 17 * 1024 * 1024, PARTS = 5, GRAIN = 4096 };

static CK_BYTE message[LONG];
static CK_BYTE output[LONG];

static void init_encrypt(CK_SESSION_HANDLE session)
{
	CK_MECHANISM mechanism = { .mechanism = CKM_AES_ECB };

	assert_int_equal(C_EncryptInit(session, &mechanism, MOCK_KEY), CKR_OK);
}

static void init_verify(CK_SESSION_HANDLE session)
{
	CK_MECHANISM mechanism = { .mechanism = CKM_ECDSA_SHA256 };

	assert_int_equal(C_VerifyInit(session, &mechanism, MOCK_KEY), CKR_OK);
}

static void only_what_no_frame_holds_is_split(void **state)
{
	(void)state;

	assert_false(split_is_needed(0));
	assert_false(split_is_needed(WHOLE));
	assert_true(split_is_needed(WHOLE + 1));
}

static void long_message_is_signed_in_parts(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN] = { 0 };
	CK_ULONG len = sizeof(signature);

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);
	mock_answer(
		Function_C_SignFinal, &(Reply){ .data = bytes_of("mocksign", MOCK_SIGNATURE_LEN),
					      .number = MOCK_SIGNATURE_LEN });

	assert_int_equal(C_Sign(session, message, LONG, signature, &len), CKR_OK);

	assert_int_equal(mock_count(Function_C_SignUpdate), PARTS);
	assert_int_equal(mock_count(Function_C_SignFinal), 1);
	assert_int_equal(len, MOCK_SIGNATURE_LEN);
	assert_memory_equal(signature, "mocksign", MOCK_SIGNATURE_LEN);
}

static void length_query_of_a_long_message_sends_no_part(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_ULONG len = 0;

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_Sign(session, message, LONG, NULL, &len), CKR_OK);

	assert_int_equal(len, MOCK_SIGNATURE_LEN);
	assert_int_equal(mock_count(Function_C_SignUpdate), 0);
}

static void small_buffer_is_told_before_any_part_is_sent(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[1];
	CK_ULONG len = sizeof(signature);

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_Sign(session, message, LONG, signature, &len), CKR_BUFFER_TOO_SMALL);

	assert_int_equal(len, MOCK_SIGNATURE_LEN);
	assert_int_equal(mock_count(Function_C_SignUpdate), 0);
}

static void mechanism_without_parts_says_that_the_message_is_too_long(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = sizeof(signature);

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);
	mock_answer(Function_C_SignUpdate, &(Reply){ .rv = CKR_OPERATION_NOT_INITIALIZED });

	assert_int_equal(C_Sign(session, message, LONG, signature, &len), CKR_DATA_LEN_RANGE);

	assert_int_equal(mock_count(Function_C_SignUpdate), 1);
	assert_int_equal(mock_count(Function_C_SignFinal), 0);
}

static void long_message_without_an_init_is_refused(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = sizeof(signature);

	assert_int_equal(
		C_Sign(session, message, LONG, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	assert_int_equal(mock_count(Function_C_SignUpdate), 0);
}

static void verdict_on_a_long_message_is_that_of_its_final(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN] = { 0 };

	init_verify(session);
	mock_answer(Function_C_VerifyFinal, &(Reply){ .rv = CKR_SIGNATURE_INVALID });

	assert_int_equal(C_Verify(session, message, LONG, signature, sizeof(signature)),
		CKR_SIGNATURE_INVALID);

	assert_int_equal(mock_count(Function_C_VerifyUpdate), PARTS);
	assert_int_equal(mock_count(Function_C_VerifyFinal), 1);
}

static void refused_part_ends_a_long_update(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	init_verify(session);
	mock_answer(Function_C_VerifyUpdate, &(Reply){ .rv = CKR_DEVICE_MEMORY });

	assert_int_equal(C_VerifyUpdate(session, message, LONG), CKR_DEVICE_MEMORY);

	assert_int_equal(mock_count(Function_C_VerifyUpdate), 1);
}

static void length_of_a_long_ciphertext_is_told_from_a_short_one(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_ULONG len = 0;

	init_encrypt(session);
	mock_answer(Function_C_Encrypt, &(Reply){ .number = GRAIN + 16 });

	assert_int_equal(C_Encrypt(session, message, LONG, NULL, &len), CKR_OK);

	assert_int_equal(len, LONG + 16);
	assert_int_equal(mock_count(Function_C_EncryptUpdate), 0);
}

static void cipher_of_one_block_takes_no_long_message(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_ULONG len = sizeof(output);

	init_encrypt(session);
	mock_answer(Function_C_Encrypt, &(Reply){ .number = 256 });

	assert_int_equal(C_Encrypt(session, message, LONG, output, &len), CKR_DATA_LEN_RANGE);

	assert_int_equal(mock_count(Function_C_EncryptUpdate), 0);
}

static void long_update_of_a_cipher_travels_in_parts(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_ULONG len = sizeof(output);

	init_encrypt(session);
	mock_answer(Function_C_EncryptUpdate, &(Reply){ .number = GRAIN });

	assert_int_equal(C_EncryptUpdate(session, message, LONG, output, &len), CKR_OK);

	/* The first asks for the length. */
	assert_int_equal(mock_count(Function_C_EncryptUpdate), 1 + PARTS);
	assert_int_equal(len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, mock_session_setup, mock_session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_no_frame_holds_is_split),
		TEST(long_message_is_signed_in_parts),
		TEST(length_query_of_a_long_message_sends_no_part),
		TEST(small_buffer_is_told_before_any_part_is_sent),
		TEST(mechanism_without_parts_says_that_the_message_is_too_long),
		TEST(long_message_without_an_init_is_refused),
		TEST(verdict_on_a_long_message_is_that_of_its_final),
		TEST(refused_part_ends_a_long_update),
		TEST(length_of_a_long_ciphertext_is_told_from_a_short_one),
		TEST(cipher_of_one_block_takes_no_long_message),
		TEST(long_update_of_a_cipher_travels_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
