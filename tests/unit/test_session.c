/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mock_agent.h"
#include "support/mock_session.h"

static CK_UTF8CHAR pin[] = "1234";

static void restart_between_two_calls_costs_no_error(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	mock_restart_host();

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_count(Function_C_OpenSession), 2);
}

static void restart_with_an_init_waiting_costs_no_error(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = sizeof(signature);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);
	mock_restart_host();

	assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_OK);
}

static void operation_of_a_dead_host_fails_once_and_is_gone(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE part[] = "part";

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);
	assert_int_equal(C_SignUpdate(session, part, 4), CKR_OK);
	mock_restart_host();

	assert_int_equal(C_SignUpdate(session, part, 4), CKR_DEVICE_ERROR);
	assert_int_equal(C_SignUpdate(session, part, 4), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
}

static void signature_whose_answer_is_lost_fails_once_and_is_not_repeated(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	mock_lose_answer(Function_C_Sign);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_DEVICE_ERROR);
	assert_int_equal(mock_count(Function_C_Sign), 1);
	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
}

static void digest_whose_answer_is_lost_is_asked_again_once_it_is_one_call(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_MECHANISM mechanism = { .mechanism = CKM_SHA_1 };
	CK_BYTE digest[20];

	for (int i = 0; i < 2; i++) {
		CK_ULONG len = sizeof(digest);

		if (i == 1)
			mock_lose_answer(Function_C_Digest);
		assert_int_equal(C_DigestInit(session, &mechanism), CKR_OK);
		assert_int_equal(C_Digest(session, NULL, 0, digest, &len), CKR_OK);
	}

	assert_int_equal(mock_count(Function_C_DigestInit), 1);
	assert_int_equal(mock_count(Function_C_Digest), 3);
}

static void question_whose_answer_is_lost_is_asked_again(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	mock_lose_answer(Function_C_GetSessionInfo);

	assert_int_equal(mock_session_state(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(mock_count(Function_C_GetSessionInfo), 2);
}

static void login_survives_a_host_by_its_ticket(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(C_Login(session, CKU_USER, pin, 4), CKR_OK);
	mock_restart_host();

	assert_int_equal(mock_session_state(session), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(mock_count(Function_RESTORE_LOGIN), 1);
	assert_int_equal(mock_count(Function_C_Login), 1);
}

static void login_with_a_pin_ends_with_the_agent(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(C_Login(session, CKU_USER, pin, 4), CKR_OK);
	mock_restart_agent();

	assert_int_equal(mock_session_state(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(mock_count(Function_RESTORE_LOGIN), 0);
}

static void login_without_a_pin_survives_the_agent(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(C_Login(session, CKU_USER, NULL, 0), CKR_OK);
	mock_restart_agent();

	assert_int_equal(mock_session_state(session), CKS_RO_USER_FUNCTIONS);
}

static void logged_out_session_stays_logged_out_after_a_restart(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(C_Login(session, CKU_USER, pin, 4), CKR_OK);
	assert_int_equal(C_Logout(session), CKR_OK);
	mock_restart_host();

	assert_int_equal(mock_session_state(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(mock_count(Function_RESTORE_LOGIN), 0);
}

static void all_sessions_of_the_slot_are_reopened_at_once(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_SESSION_HANDLE others[10];

	for (size_t i = 0; i < 10; i++)
		assert_int_equal(
			C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &others[i]),
			CKR_OK);
	mock_restart_host();

	assert_int_equal(mock_session_state(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(mock_count(Function_C_OpenSession), 22);
	assert_int_equal(mock_session_state(others[9]), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(mock_count(Function_C_OpenSession), 22);
}

static void removed_token_is_told_once_and_ends_its_sessions(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	mock_set_token_present(false);
	mock_restart_host();

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_DEVICE_REMOVED);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &session),
		CKR_TOKEN_NOT_PRESENT);
}

static void closed_session_is_invalid_and_its_handle_not_reused_soon(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_SESSION_HANDLE another;

	assert_int_equal(C_CloseSession(session), CKR_OK);
	assert_int_equal(
		C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &another), CKR_OK);

	assert_int_not_equal(another, session);
	assert_int_equal(C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
}

static void close_all_sessions_wants_a_slot_that_exists(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(C_CloseAllSessions(MOCK_SLOT + 1), CKR_SLOT_ID_INVALID);
	assert_int_equal(C_CloseAllSessions(MOCK_SLOT), CKR_OK);
	assert_int_equal(C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(C_CloseAllSessions(MOCK_SLOT), CKR_OK);
}

static void session_without_serial_flag_is_refused(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(C_OpenSession(MOCK_SLOT, 0, NULL, NULL, &session),
		CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

static void unknown_session_is_refused_without_a_call(void **state)
{
	unsigned int before = mock_count_all();

	assert_int_equal(
		mock_sign_init(mock_session(state) + 1, MOCK_KEY), CKR_SESSION_HANDLE_INVALID);

	assert_int_equal(mock_count_all(), before);
}

static void sessions_beyond_the_limit_are_refused(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_RV rv = CKR_OK;
	unsigned int opened = 1;

	while (rv == CKR_OK && opened < 2000) {
		rv = C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &session);
		opened += rv == CKR_OK;
	}

	assert_int_equal(rv, CKR_SESSION_COUNT);
	assert_int_equal(opened, 1024);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, mock_session_setup, mock_session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(restart_between_two_calls_costs_no_error),
		TEST(restart_with_an_init_waiting_costs_no_error),
		TEST(operation_of_a_dead_host_fails_once_and_is_gone),
		TEST(signature_whose_answer_is_lost_fails_once_and_is_not_repeated),
		TEST(digest_whose_answer_is_lost_is_asked_again_once_it_is_one_call),
		TEST(question_whose_answer_is_lost_is_asked_again),
		TEST(login_survives_a_host_by_its_ticket),
		TEST(login_with_a_pin_ends_with_the_agent),
		TEST(login_without_a_pin_survives_the_agent),
		TEST(logged_out_session_stays_logged_out_after_a_restart),
		TEST(all_sessions_of_the_slot_are_reopened_at_once),
		TEST(removed_token_is_told_once_and_ends_its_sessions),
		TEST(closed_session_is_invalid_and_its_handle_not_reused_soon),
		TEST(close_all_sessions_wants_a_slot_that_exists),
		TEST(session_without_serial_flag_is_refused),
		TEST(unknown_session_is_refused_without_a_call),
		TEST(sessions_beyond_the_limit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
