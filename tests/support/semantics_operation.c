/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and the state of operations. */
#include "semantics.h"

#include <string.h>

static void signature_has_length_query_small_buffer_and_end(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[256];
	CK_BYTE data[] = "data";

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	/* Twice: the second time the module may send both calls as one. */
	for (int i = 0; i < 3; i++) {
		CK_ULONG len = 0;

		assert_int_equal(p11->C_Sign(session, data, 4, signature, &len),
			CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
		assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OPERATION_ACTIVE);
		assert_int_equal(p11->C_Sign(session, data, 4, NULL, &len), CKR_OK);
		assert_int_equal(len, 64);
		len = 63;
		assert_int_equal(
			p11->C_Sign(session, data, 4, signature, &len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, 64);
		len = sizeof(signature);
		assert_int_equal(p11->C_Sign(session, data, 4, signature, &len), CKR_OK);
		assert_int_equal(len, 64);
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void pending_init_is_dropped_or_carried_out_by_other_calls(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[256];
	CK_BYTE data[] = "data";
	CK_ULONG len = sizeof(signature);

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &len), CKR_OK);
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	(void)find_key(session, CKO_PUBLIC_KEY, ID_P256);
	assert_int_equal(p11->C_SignUpdate(session, data, 2), CKR_OK);
	assert_int_equal(p11->C_SignUpdate(session, data + 2, 2), CKR_OK);
	len = sizeof(signature);
	assert_int_equal(p11->C_SignFinal(session, signature, &len), CKR_OK);
	CK_OBJECT_HANDLE public_key = find_key(session, CKO_PUBLIC_KEY, ID_P256);

	assert_int_equal(p11->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
	assert_int_equal(p11->C_Verify(session, data, 4, signature, len), CKR_OK);
	signature[5] ^= 1;
	assert_int_equal(p11->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
	assert_int_equal(p11->C_Verify(session, data, 4, signature, len), CKR_SIGNATURE_INVALID);
	assert_int_equal(
		p11->C_Verify(session, data, 4, signature, len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void logout_ends_the_use_of_private_keys(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[256];
	CK_BYTE data[] = "data";

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	for (int i = 0; i < 2; i++) {
		CK_ULONG len = sizeof(signature);

		assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
		assert_int_equal(p11->C_Sign(session, data, 4, signature, &len), CKR_OK);
	}
	assert_int_equal(p11->C_Logout(session), CKR_OK);
	CK_ULONG len = sizeof(signature);
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);

	assert_int_not_equal(rv, CKR_OK);
	assert_int_equal(
		p11->C_Sign(session, data, 4, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(find_key(session, CKO_PRIVATE_KEY, ID_P256), 0);
	log_in(session);
	assert_int_equal(find_key(session, CKO_PRIVATE_KEY, ID_P256), key);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void init_checks_key_and_mechanism(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_MECHANISM unknown = { 0x80001234, NULL, 0 };

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	assert_int_equal(p11->C_SignInit(session, &ecdsa, 0x1234567), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(p11->C_SignInit(session, &unknown, key), CKR_MECHANISM_INVALID);
	assert_int_equal(p11->C_SignUpdate(session, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_SignFinal(session, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void cancel_ends_what_its_flags_name(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE object = 0;
	CK_BYTE signature[64];
	CK_ULONG count = 0;
	CK_ULONG len = sizeof(signature);

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	assert_int_equal(p11->C_SessionCancel(session, CKF_SIGN), CKR_OK);
	/* The second time the Init may still wait in the module. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
		assert_int_equal(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
		assert_int_equal(p11->C_SessionCancel(session, CKF_VERIFY), CKR_OK);
		assert_int_equal(p11->C_SessionCancel(session, CKF_SIGN), CKR_OK);
		assert_int_equal(p11->C_Sign(session, signature, 1, signature, &len),
			CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(p11->C_FindObjects(session, &object, 1, &count), CKR_OK);
		assert_int_equal(p11->C_SessionCancel(session, CKF_FIND_OBJECTS), CKR_OK);
		assert_int_equal(p11->C_FindObjects(session, &object, 1, &count),
			CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
		assert_int_equal(p11->C_Sign(session, signature, 1, signature, &len), CKR_OK);
	}
	assert_int_equal(
		p11->C_SessionCancel(session + 1000, CKF_SIGN), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void init_without_a_mechanism_cancels(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_BYTE out[64];
	CK_ULONG len = sizeof(out);

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	assert_int_equal(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	assert_int_equal(p11->C_SignUpdate(session, out, 1), CKR_OK);
	assert_int_equal(p11->C_SignInit(session, NULL, 0), CKR_OK);
	assert_int_equal(p11->C_SignFinal(session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(p11->C_DigestInit(session, NULL), CKR_OK);
	assert_int_equal(p11->C_Digest(session, out, 1, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

int semantics_operation(void)
{
	static const struct CMUnitTest tests[] = {
		IN_SESSION(signature_has_length_query_small_buffer_and_end),
		IN_SESSION(pending_init_is_dropped_or_carried_out_by_other_calls),
		IN_SESSION(logout_ends_the_use_of_private_keys),
		IN_SESSION(init_checks_key_and_mechanism),
		IN_SESSION(cancel_ends_what_its_flags_name),
		IN_SESSION(init_without_a_mechanism_cancels),
	};

	return cmocka_run_group_tests_name("operation", tests, NULL, NULL);
}
