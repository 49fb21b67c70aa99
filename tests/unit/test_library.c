/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iothsm/pkcs11-3.2.h>

enum { UNINITIALIZED = CKR_CRYPTOKI_NOT_INITIALIZED };

/* No argument is looked at before C_Initialize: all of them are wrong here. */
static void general_calls_before_initialize(void **state)
{
	(void)state;
	assert_int_equal(C_Finalize(NULL), UNINITIALIZED);
	assert_int_equal(C_GetInfo(NULL), UNINITIALIZED);
	assert_int_equal(C_GetSlotList(1, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_GetSlotInfo(1, NULL), UNINITIALIZED);
	assert_int_equal(C_GetTokenInfo(1, NULL), UNINITIALIZED);
	assert_int_equal(C_GetMechanismList(1, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_GetMechanismInfo(1, 0, NULL), UNINITIALIZED);
	assert_int_equal(C_WaitForSlotEvent(0, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_InitToken(1, NULL, 4, NULL), UNINITIALIZED);
}

static void session_calls_before_initialize(void **state)
{
	(void)state;
	assert_int_equal(C_OpenSession(1, 0, NULL, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_CloseSession(1), UNINITIALIZED);
	assert_int_equal(C_CloseAllSessions(1), UNINITIALIZED);
	assert_int_equal(C_GetSessionInfo(1, NULL), UNINITIALIZED);
	assert_int_equal(C_GetOperationState(1, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_SetOperationState(1, NULL, 4, 0, 0), UNINITIALIZED);
	assert_int_equal(C_Login(1, CKU_USER, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_Logout(1), UNINITIALIZED);
	assert_int_equal(C_InitPIN(1, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_SetPIN(1, NULL, 4, NULL, 4), UNINITIALIZED);
}

static void object_calls_before_initialize(void **state)
{
	(void)state;
	assert_int_equal(C_CreateObject(1, NULL, 4, NULL), UNINITIALIZED);
	assert_int_equal(C_CopyObject(1, 1, NULL, 4, NULL), UNINITIALIZED);
	assert_int_equal(C_DestroyObject(1, 1), UNINITIALIZED);
	assert_int_equal(C_GetObjectSize(1, 1, NULL), UNINITIALIZED);
	assert_int_equal(C_GetAttributeValue(1, 1, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_SetAttributeValue(1, 1, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_FindObjectsInit(1, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_FindObjects(1, NULL, 4, NULL), UNINITIALIZED);
	assert_int_equal(C_FindObjectsFinal(1), UNINITIALIZED);
}

static void key_calls_before_initialize(void **state)
{
	(void)state;
	assert_int_equal(C_GenerateKey(1, NULL, NULL, 4, NULL), UNINITIALIZED);
	assert_int_equal(C_GenerateKeyPair(1, NULL, NULL, 4, NULL, 4, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_WrapKey(1, NULL, 1, 1, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_UnwrapKey(1, NULL, 1, NULL, 4, NULL, 4, NULL), UNINITIALIZED);
	assert_int_equal(C_DeriveKey(1, NULL, 1, NULL, 4, NULL), UNINITIALIZED);
	assert_int_equal(C_SeedRandom(1, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_GenerateRandom(1, NULL, 4), UNINITIALIZED);
}

static void operations_before_initialize(void **state)
{
	(void)state;
	assert_int_equal(C_EncryptInit(1, NULL, 1), UNINITIALIZED);
	assert_int_equal(C_Encrypt(1, NULL, 4, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_DecryptFinal(1, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_DigestInit(1, NULL), UNINITIALIZED);
	assert_int_equal(C_DigestUpdate(1, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_DigestKey(1, 1), UNINITIALIZED);
	assert_int_equal(C_SignInit(1, NULL, 1), UNINITIALIZED);
	assert_int_equal(C_Sign(1, NULL, 4, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_SignRecoverInit(1, NULL, 1), UNINITIALIZED);
	assert_int_equal(C_Verify(1, NULL, 4, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_VerifyFinal(1, NULL, 4), UNINITIALIZED);
	assert_int_equal(C_SignEncryptUpdate(1, NULL, 4, NULL, NULL), UNINITIALIZED);
	assert_int_equal(C_SessionCancel(1, CKF_SIGN), UNINITIALIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(general_calls_before_initialize),
		cmocka_unit_test(session_calls_before_initialize),
		cmocka_unit_test(object_calls_before_initialize),
		cmocka_unit_test(key_calls_before_initialize),
		cmocka_unit_test(operations_before_initialize),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
