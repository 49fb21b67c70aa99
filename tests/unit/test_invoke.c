/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mock_agent.h"
#include "support/mock_session.h"

static void second_pair_on_travels_as_one_call(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	unsigned int before = mock_count_all();

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);

	assert_int_equal(mock_count_all() - before, 1);
	assert_true(mock_saw_merged());
}

static void first_pair_travels_as_two_calls(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);

	assert_int_equal(mock_count(Function_C_SignInit), 1);
	assert_false(mock_saw_merged());
}

static void wrong_key_is_refused_by_its_init(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);

	assert_int_equal(mock_sign_init(session, 1), CKR_KEY_HANDLE_INVALID);
}

static void second_init_is_refused_while_the_first_waits(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OPERATION_ACTIVE);
}

static void second_init_is_refused_while_the_host_holds_the_first(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OPERATION_ACTIVE);
}

static void length_query_keeps_a_waiting_operation_active(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = 0;

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_Sign(session, NULL, 0, NULL, &len), CKR_OK);

	assert_int_equal(len, MOCK_SIGNATURE_LEN);
	assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_OK);
	assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
}

static void small_buffer_tells_the_length_and_keeps_the_operation(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = 1;

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_BUFFER_TOO_SMALL);

	assert_int_equal(len, MOCK_SIGNATURE_LEN);
	assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_OK);
}

static void update_sends_the_init_that_waited_first(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE part[] = "part";

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_SignUpdate(session, part, sizeof(part)), CKR_OK);

	assert_int_equal(mock_count(Function_C_SignInit), 2);
}

static void any_other_call_sends_the_init_that_waited(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = sizeof(signature);
	CK_SESSION_INFO info;

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_GetSessionInfo(session, &info), CKR_OK);

	assert_int_equal(mock_count(Function_C_SignInit), 2);
	assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_OK);
}

static void null_mechanism_cancels_a_waiting_init(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE signature[MOCK_SIGNATURE_LEN];
	CK_ULONG len = sizeof(signature);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_SignInit(session, NULL, 0), CKR_OK);

	assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
}

static void vendor_mechanism_never_waits(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(mock_sign_with(session, 0xC94F0001UL, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_sign_with(session, 0xC94F0001UL, MOCK_KEY), CKR_OK);

	assert_int_equal(mock_count(Function_C_SignInit), 2);
	assert_false(mock_saw_merged());
}

static void login_makes_the_next_init_travel_again(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_UTF8CHAR pin[] = "1234";

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);

	assert_int_equal(C_Login(session, CKU_USER, pin, 4), CKR_OK);

	assert_int_equal(mock_sign(session, MOCK_KEY), CKR_OK);
	assert_int_equal(mock_count(Function_C_SignInit), 2);
}

static void always_authenticated_key_signs_after_each_context_login(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_UTF8CHAR pin[] = "1234";
	CK_BYTE signature[MOCK_SIGNATURE_LEN];

	for (int i = 0; i < 3; i++) {
		CK_ULONG len = sizeof(signature);

		assert_int_equal(mock_sign_init(session, MOCK_KEY_ALWAYS), CKR_OK);
		assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_USER_NOT_LOGGED_IN);
		assert_int_equal(C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 4), CKR_OK);
		assert_int_equal(C_Sign(session, NULL, 0, signature, &len), CKR_OK);
	}

	assert_false(mock_saw_merged());
}

static void find_serves_all_handles_from_few_calls(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_OBJECT_HANDLE handles[MOCK_OBJECTS + 1];
	CK_ULONG total = 0;
	CK_ULONG count = 1;

	mock_set_objects(MOCK_OBJECTS);
	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);
	while (count > 0) {
		assert_int_equal(C_FindObjects(session, handles + total, 50, &count), CKR_OK);
		total += count;
		assert_true(total <= MOCK_OBJECTS);
	}
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);

	assert_int_equal(total, MOCK_OBJECTS);
	assert_int_equal(handles[MOCK_OBJECTS - 1], MOCK_OBJECTS);
	assert_int_equal(mock_count(Function_C_FindObjectsFinal), 0);
}

static void find_of_few_objects_is_one_call(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_OBJECT_HANDLE handle;
	CK_ULONG count;
	unsigned int before = mock_count_all();

	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_int_equal(C_FindObjects(session, &handle, 1, &count), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);

	assert_int_equal(count, 1);
	assert_int_equal(mock_count_all() - before, 1);
}

static void find_without_init_is_refused(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_OBJECT_HANDLE handle;
	CK_ULONG count;

	assert_int_equal(C_FindObjects(session, &handle, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
}

static void second_find_is_refused_until_the_first_ends(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);

	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, mock_session_setup, mock_session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(second_pair_on_travels_as_one_call),
		TEST(first_pair_travels_as_two_calls),
		TEST(wrong_key_is_refused_by_its_init),
		TEST(second_init_is_refused_while_the_first_waits),
		TEST(second_init_is_refused_while_the_host_holds_the_first),
		TEST(length_query_keeps_a_waiting_operation_active),
		TEST(small_buffer_tells_the_length_and_keeps_the_operation),
		TEST(update_sends_the_init_that_waited_first),
		TEST(any_other_call_sends_the_init_that_waited),
		TEST(null_mechanism_cancels_a_waiting_init),
		TEST(vendor_mechanism_never_waits),
		TEST(login_makes_the_next_init_travel_again),
		TEST(always_authenticated_key_signs_after_each_context_login),
		TEST(find_serves_all_handles_from_few_calls),
		TEST(find_of_few_objects_is_one_call),
		TEST(find_without_init_is_refused),
		TEST(second_find_is_refused_until_the_first_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
