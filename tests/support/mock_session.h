/* SPDX-License-Identifier: Apache-2.0 */
/* Fixtures for tests of the module against the mock agent: an open session, and a signature in one
 * line. */
#ifndef IOTHSM_MOCK_SESSION_H
#define IOTHSM_MOCK_SESSION_H

#include <iothsm/pkcs11-3.2.h>

/* Starts agent and module, and opens one session; the teardown ends all of it. */
int mock_session_setup(void **state);
int mock_session_teardown(void **state);

/* The session of the fixture. */
CK_SESSION_HANDLE mock_session(void **state);

CK_RV mock_sign_init(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);

/* C_SignInit and C_Sign. */
CK_RV mock_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
CK_RV mock_sign_with(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key);

CK_STATE mock_session_state(CK_SESSION_HANDLE session);

#endif
