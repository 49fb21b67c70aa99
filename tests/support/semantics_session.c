/* SPDX-License-Identifier: Apache-2.0 */
/* Slots, sessions, logins, and what objects they may make and see. */
#include "semantics.h"

#include <string.h>

static void slot_list_has_its_size_query(void **state)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 0;
	CK_ULONG small = 0;

	(void)state;
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	assert_in_range(count, 1, 16);
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, slots, &small), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(small, count);
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static void unknown_slot_is_invalid_everywhere(void **state)
{
	CK_SLOT_ID unknown = 0x7ffffffe;
	CK_SESSION_HANDLE session;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token_info;
	CK_ULONG count = 0;

	(void)state;
	assert_int_equal(p11->C_GetSlotInfo(unknown, &slot_info), CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_GetTokenInfo(unknown, &token_info), CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_GetMechanismList(unknown, NULL, &count), CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_OpenSession(unknown, CKF_SERIAL_SESSION, NULL, NULL, &session),
		CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_CloseAllSessions(unknown), CKR_SLOT_ID_INVALID);
}

static void session_needs_the_serial_flag(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	assert_int_equal(p11->C_OpenSession(slot, 0, NULL, NULL, &session),
		CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

static void closed_session_is_invalid(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_SESSION_INFO info;

	(void)state;
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	assert_int_equal(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(p11->C_SignInit(session, NULL, 1), CKR_SESSION_HANDLE_INVALID);
}

static void session_states_follow_the_login(void **state)
{
	CK_SESSION_HANDLE ro = open_session(0);
	CK_SESSION_HANDLE rw = open_session(CKF_RW_SESSION);

	(void)state;
	assert_int_equal(state_of(ro), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(state_of(rw), CKS_RW_PUBLIC_SESSION);
	log_in(ro);
	assert_int_equal(state_of(ro), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(state_of(rw), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(p11->C_Logout(rw), CKR_OK);
	assert_int_equal(state_of(ro), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(p11->C_Logout(rw), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(p11->C_CloseAllSessions(slot), CKR_OK);
}

static void closing_the_last_session_logs_out(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);

	(void)state;
	log_in(session);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	session = open_session(0);
	assert_int_equal(state_of(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void login_rules_hold(void **state)
{
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);

	(void)state;
	assert_int_equal(p11->C_Login(session, 77, pin, pin_len(pin)), CKR_USER_TYPE_INVALID);
	log_in(session);
	assert_int_equal(
		p11->C_Login(session, CKU_USER, pin, pin_len(pin)), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(p11->C_Login(session, CKU_SO, so_pin, pin_len(so_pin)),
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	assert_int_equal(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, pin_len(pin)),
		CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void login_by_name_knows_the_users_without_one(void **state)
{
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
	CK_UTF8CHAR name[] = "alice";

	(void)state;
	assert_int_equal(p11->C_LoginUser(session, CKU_USER, pin, pin_len(pin), name, 5),
		CKR_FUNCTION_NOT_SUPPORTED);
	assert_int_equal(
		p11->C_LoginUser(session, CKU_USER, pin, pin_len(pin), NULL, 5), CKR_ARGUMENTS_BAD);
	assert_int_equal(state_of(session), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(p11->C_LoginUser(session, CKU_USER, pin, pin_len(pin), NULL, 0), CKR_OK);
	assert_int_equal(state_of(session), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(p11->C_LoginUser(session, CKU_USER, pin, pin_len(pin), NULL, 0),
		CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(p11->C_Logout(session), CKR_OK);
	assert_int_equal(
		p11->C_LoginUser(session, CKU_SO, so_pin, pin_len(so_pin), NULL, 0), CKR_OK);
	assert_int_equal(state_of(session), CKS_RW_SO_FUNCTIONS);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void so_and_read_only_sessions_exclude_each_other(void **state)
{
	CK_SESSION_HANDLE ro = open_session(0);
	CK_SESSION_HANDLE rw = open_session(CKF_RW_SESSION);

	(void)state;
	assert_int_equal(
		p11->C_Login(rw, CKU_SO, so_pin, pin_len(so_pin)), CKR_SESSION_READ_ONLY_EXISTS);
	assert_int_equal(p11->C_CloseSession(ro), CKR_OK);
	assert_int_equal(p11->C_Login(rw, CKU_SO, so_pin, pin_len(so_pin)), CKR_OK);
	assert_int_equal(state_of(rw), CKS_RW_SO_FUNCTIONS);
	assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &ro),
		CKR_SESSION_READ_WRITE_SO_EXISTS);
	assert_int_equal(p11->C_Logout(rw), CKR_OK);
	assert_int_equal(p11->C_CloseSession(rw), CKR_OK);
}

static void read_only_session_writes_no_token_object(void **state)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 },
		{ CKA_PRIVATE, &no, 1 }, { CKA_VALUE, (void *)(size_t) "x", 1 } };
	CK_SESSION_HANDLE session = open_session(0);
	CK_OBJECT_HANDLE object;

	(void)state;
	assert_int_equal(p11->C_CreateObject(session, template, 4, &object), CKR_SESSION_READ_ONLY);
	template[1].pValue = &no;
	assert_int_equal(p11->C_CreateObject(session, template, 4, &object), CKR_OK);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void private_object_needs_a_login(void **state)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_PRIVATE, &yes, 1 },
		{ CKA_VALUE, (void *)(size_t) "x", 1 } };
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
	CK_OBJECT_HANDLE object;

	(void)state;
	assert_int_equal(
		p11->C_CreateObject(session, template, 3, &object), CKR_USER_NOT_LOGGED_IN);
	log_in(session);
	assert_int_equal(p11->C_CreateObject(session, template, 3, &object), CKR_OK);
	assert_int_equal(p11->C_DestroyObject(session, object), CKR_OK);
	assert_int_equal(p11->C_DestroyObject(session, object), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void session_object_dies_with_its_session(void **state)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_PRIVATE, &no, 1 },
		{ CKA_VALUE, (void *)(size_t) "session object", 14 } };
	CK_SESSION_HANDLE keeper = open_session(0);
	CK_SESSION_HANDLE owner = open_session(0);
	CK_OBJECT_HANDLE object;
	CK_ULONG size;
	CK_ULONG count = 1;

	(void)state;
	assert_int_equal(p11->C_CreateObject(owner, template, 3, &object), CKR_OK);
	assert_int_equal(p11->C_GetObjectSize(keeper, object, &size), CKR_OK);
	assert_int_equal(p11->C_CloseSession(owner), CKR_OK);
	assert_int_equal(p11->C_GetObjectSize(keeper, object, &size), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(p11->C_FindObjectsInit(keeper, &template[2], 1), CKR_OK);
	assert_int_equal(p11->C_FindObjects(keeper, &object, 1, &count), CKR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(p11->C_CloseSession(keeper), CKR_OK);
}

int semantics_session(void)
{
	static const struct CMUnitTest tests[] = {
		IN_SESSION(slot_list_has_its_size_query),
		IN_SESSION(unknown_slot_is_invalid_everywhere),
		IN_SESSION(session_needs_the_serial_flag),
		IN_SESSION(closed_session_is_invalid),
		IN_SESSION(session_states_follow_the_login),
		IN_SESSION(closing_the_last_session_logs_out),
		IN_SESSION(login_rules_hold),
		IN_SESSION(login_by_name_knows_the_users_without_one),
		IN_SESSION(so_and_read_only_sessions_exclude_each_other),
		IN_SESSION(read_only_session_writes_no_token_object),
		IN_SESSION(private_object_needs_a_login),
		IN_SESSION(session_object_dies_with_its_session),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
