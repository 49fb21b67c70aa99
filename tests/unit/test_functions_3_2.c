/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mock_agent.h"
#include "support/mock_session.h"

#define REFUSED(call) assert_int_equal(call, CKR_FUNCTION_NOT_SUPPORTED)

static void message_functions_say_that_they_are_not_supported(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	unsigned int before = mock_count_all();

	REFUSED(C_MessageEncryptInit(session, NULL, 0));
	REFUSED(C_EncryptMessage(session, NULL, 0, NULL, 0, NULL, 0, NULL, NULL));
	REFUSED(C_EncryptMessageBegin(session, NULL, 0, NULL, 0));
	REFUSED(C_EncryptMessageNext(session, NULL, 0, NULL, 0, NULL, NULL, 0));
	REFUSED(C_MessageEncryptFinal(session));
	REFUSED(C_MessageDecryptInit(session, NULL, 0));
	REFUSED(C_DecryptMessage(session, NULL, 0, NULL, 0, NULL, 0, NULL, NULL));
	REFUSED(C_DecryptMessageBegin(session, NULL, 0, NULL, 0));
	REFUSED(C_DecryptMessageNext(session, NULL, 0, NULL, 0, NULL, NULL, 0));
	REFUSED(C_MessageDecryptFinal(session));
	REFUSED(C_MessageSignInit(session, NULL, 0));
	REFUSED(C_SignMessage(session, NULL, 0, NULL, 0, NULL, NULL));
	REFUSED(C_SignMessageBegin(session, NULL, 0));
	REFUSED(C_SignMessageNext(session, NULL, 0, NULL, 0, NULL, NULL));
	REFUSED(C_MessageSignFinal(session));
	REFUSED(C_MessageVerifyInit(session, NULL, 0));
	REFUSED(C_VerifyMessage(session, NULL, 0, NULL, 0, NULL, 0));
	REFUSED(C_VerifyMessageBegin(session, NULL, 0));
	REFUSED(C_VerifyMessageNext(session, NULL, 0, NULL, 0, NULL, 0));
	REFUSED(C_MessageVerifyFinal(session));

	assert_int_equal(mock_count_all(), before);
}

static void functions_of_3_2_say_that_they_are_not_supported(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	unsigned int before = mock_count_all();

	REFUSED(C_EncapsulateKey(session, NULL, 0, NULL, 0, NULL, NULL, NULL));
	REFUSED(C_DecapsulateKey(session, NULL, 0, NULL, 0, NULL, 0, NULL));
	REFUSED(C_VerifySignatureInit(session, NULL, 0, NULL, 0));
	REFUSED(C_VerifySignature(session, NULL, 0));
	REFUSED(C_VerifySignatureUpdate(session, NULL, 0));
	REFUSED(C_VerifySignatureFinal(session));
	REFUSED(C_GetSessionValidationFlags(session, 0, NULL));
	REFUSED(C_AsyncComplete(session, NULL, NULL));
	REFUSED(C_AsyncGetID(session, NULL, NULL));
	REFUSED(C_AsyncJoin(session, NULL, 0, NULL, 0));
	REFUSED(C_WrapKeyAuthenticated(session, NULL, 0, 0, NULL, 0, NULL, NULL));
	REFUSED(C_UnwrapKeyAuthenticated(session, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL));

	assert_int_equal(mock_count_all(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, mock_session_setup, mock_session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(message_functions_say_that_they_are_not_supported),
		TEST(functions_of_3_2_say_that_they_are_not_supported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
