/* SPDX-License-Identifier: Apache-2.0 */
/* Fixtures for tests of the module against the mock agent: an open session, and a signature in one
 * line. */
#include "mock_session.h"

#include "mock_agent.h"

static CK_SESSION_HANDLE opened;

int mock_session_setup(void **state)
{
	mock_start();
	*state = &opened;
	if (C_Initialize(NULL) != CKR_OK)
		return -1;
	return C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &opened) == CKR_OK ? 0 : -1;
}

int mock_session_teardown(void **state)
{
	(void)state;
	(void)C_Finalize(NULL);
	mock_stop();
	return 0;
}

CK_SESSION_HANDLE mock_session(void **state)
{
	return *(CK_SESSION_HANDLE *)*state;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { .mechanism = type };

	return C_SignInit(session, &mechanism, key);
}

CK_RV mock_sign_init(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return sign_init(session, CKM_ECDSA, key);
}

CK_RV mock_sign_with(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = sizeof(signature);

	TRY(sign_init(session, type, key));
	return C_Sign(session, NULL, 0, signature, &len);
}

CK_RV mock_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return mock_sign_with(session, CKM_ECDSA, key);
}

CK_STATE mock_session_state(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info = { .state = CK_UNAVAILABLE_INFORMATION };

	(void)C_GetSessionInfo(session, &info);
	return info.state;
}
