/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iothsm/iothsm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/mock_agent.h"
#include "support/mock_session.h"

static void calls_before_initialize_are_refused(void **state)
{
	CK_ULONG count;

	(void)state;
	assert_int_equal(C_GetSlotList(CK_FALSE, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(mock_sign_init(1, MOCK_KEY), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(C_MessageSignFinal(1), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void second_initialize_is_refused(void **state)
{
	(void)state;
	assert_int_equal(C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

static void initialize_takes_callbacks_all_or_none(void **state)
{
	CK_C_INITIALIZE_ARGS some = { .LockMutex = (CK_LOCKMUTEX)(uintptr_t)1 };
	CK_C_INITIALIZE_ARGS reserved = { .pReserved = &some };
	CK_C_INITIALIZE_ARGS flags = { .flags = CKF_OS_LOCKING_OK |
						CKF_LIBRARY_CANT_CREATE_OS_THREADS };

	(void)state;
	assert_int_equal(C_Initialize(&some), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_Initialize(&flags), CKR_OK);
	assert_int_equal(C_Finalize(&flags), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

static void without_an_agent_there_are_no_slots_and_no_delay(void **state)
{
	CK_SESSION_HANDLE session;
	CK_SLOT_INFO info;
	CK_ULONG count = 9;
	int64_t before_ms = wire_now_ms();

	(void)state;
	assert_int_equal(setenv("IOTHSM_AGENT_SOCKET", "/nonexistent/agent.sock", 1), 0);
	assert_int_equal(C_Initialize(NULL), CKR_OK);

	assert_int_equal(C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(C_GetSlotInfo(MOCK_SLOT, &info), CKR_SLOT_ID_INVALID);
	assert_int_equal(C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &session),
		CKR_TOKEN_NOT_PRESENT);
	assert_true(wire_now_ms() - before_ms < 1000);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

static void known_slots_lose_their_token_with_the_agent(void **state)
{
	CK_SLOT_ID slots[4];
	CK_SLOT_INFO info;
	CK_ULONG count = 4;

	(void)state;
	mock_start();
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
	mock_stop();

	assert_int_equal(C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(C_GetSlotInfo(MOCK_SLOT, &info), CKR_OK);
	assert_int_equal(info.flags & CKF_TOKEN_PRESENT, 0);
	assert_int_equal(C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

static void slot_list_tells_what_a_small_buffer_needs(void **state)
{
	CK_SLOT_ID slot = 0;
	CK_ULONG count = 0;

	(void)state;
	assert_int_equal(C_GetSlotList(CK_TRUE, &slot, &count), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(count, 1);
	assert_int_equal(C_GetSlotList(CK_TRUE, &slot, &count), CKR_OK);
	assert_int_equal(slot, MOCK_SLOT);
	assert_int_equal(C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static void slot_is_valid_without_a_list_before(void **state)
{
	CK_TOKEN_INFO info;

	(void)state;
	assert_int_equal(C_GetTokenInfo(MOCK_SLOT, &info), CKR_OK);
	assert_int_equal(C_GetTokenInfo(MOCK_SLOT + 1, &info), CKR_SLOT_ID_INVALID);
}

static int child_result(CK_SESSION_HANDLE session)
{
	CK_SESSION_HANDLE own;

	if (mock_sign_init(session, MOCK_KEY) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 1;
	if (C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 2;
	if (C_Initialize(NULL) != CKR_OK)
		return 3;
	if (mock_sign_init(session, MOCK_KEY) != CKR_SESSION_HANDLE_INVALID)
		return 4;
	if (C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &own) != CKR_OK)
		return 5;
	return C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

static void forked_child_starts_anew_and_leaves_its_parent_alone(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	unsigned int connections = mock_connections();
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(child_result(session));
	assert_int_equal(waitpid(child, &status, 0), child);

	assert_int_equal(status, 0);
	assert_int_equal(mock_session_state(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(mock_connections(), connections + 2);
}

static void *ask_session_info(void *session)
{
	return mock_session_state(*(CK_SESSION_HANDLE *)session) == CKS_RO_PUBLIC_SESSION ? session
											  : NULL;
}

/* The agent answers none before it has all: with one connection this would never end. */
static void calls_of_several_threads_travel_at_the_same_time(void **state)
{
	enum { THREADS = 8 };
	CK_SESSION_HANDLE session = mock_session(state);
	pthread_t threads[THREADS];

	mock_expect_parallel(THREADS);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_session_info, &session), 0);

	for (size_t i = 0; i < THREADS; i++) {
		void *result = NULL;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &session);
	}
}

static void *sign_often(void *session)
{
	CK_SESSION_HANDLE own;
	unsigned int good = 0;

	(void)session;
	if (C_OpenSession(MOCK_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &own) != CKR_OK)
		return NULL;
	for (int i = 0; i < 200; i++)
		good += mock_sign(own, MOCK_KEY) == CKR_OK;
	(void)C_CloseSession(own);
	return good >= 190 ? session : NULL;
}

static void threads_survive_restarts_with_few_errors(void **state)
{
	enum { THREADS = 4 };
	CK_SESSION_HANDLE session = mock_session(state);
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &session), 0);
	for (int i = 0; i < 5; i++) {
		mock_restart_host();
		assert_int_equal(mock_session_state(session), CKS_RO_PUBLIC_SESSION);
	}

	for (size_t i = 0; i < THREADS; i++) {
		void *result = NULL;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &session);
	}
}

static void output_larger_than_offered_is_not_believed(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE guarded[16] = { 0 };
	CK_ULONG len = 4;
	Reply reply = { .data = bytes_of_text("much more than four"), .number = 19 };

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_OK);
	mock_answer(Function_C_Sign, &reply);

	assert_int_equal(C_Sign(session, NULL, 0, guarded, &len), CKR_DEVICE_ERROR);
	assert_int_equal(guarded[0], 0);
}

static void structure_of_another_size_is_not_believed(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	Reply reply = { .data = bytes_of_text("short") };
	CK_SESSION_INFO info;

	mock_answer(Function_C_GetSessionInfo, &reply);

	assert_int_equal(C_GetSessionInfo(session, &info), CKR_DEVICE_ERROR);
}

static void nonsense_costs_the_connection_but_not_the_session(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);

	mock_answer_raw(Function_C_SignInit, bytes_of_text("\xff\xff\xff\xff nonsense"));

	assert_int_equal(mock_sign_init(session, MOCK_KEY), CKR_DEVICE_ERROR);
	assert_int_equal(mock_session_state(session), CKS_RO_PUBLIC_SESSION);
}

static void too_many_handles_are_not_believed(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_OBJECT_HANDLE handles[WIRE_FIND_FIRST + 1] = { 0 };
	Reply reply = { .data = bytes_of(handles, sizeof(handles)) };

	mock_answer(Function_C_FindObjectsInit, &reply);

	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_DEVICE_ERROR);
	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);
}

static void attributes_are_filled_each_for_itself(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_BYTE label[8] = { 0 };
	CK_BYTE value[8];
	CK_ATTRIBUTE inner[] = { { CKA_LABEL, label + 4, 4 } };
	CK_ATTRIBUTE asked[] = { { CKA_LABEL, label, 4 }, { CKA_VALUE, value, sizeof(value) },
		{ CKA_LABEL, NULL, 99 }, { CKA_ID, value, sizeof(value) },
		{ CKA_WRAP_TEMPLATE, inner, sizeof(inner) }, { CKA_LABEL, value, 1 } };

	CK_RV rv = C_GetAttributeValue(session, MOCK_KEY, asked, 6);

	assert_int_equal(rv, CKR_BUFFER_TOO_SMALL);
	assert_memory_equal(label, "key\0key", 7);
	assert_int_equal(asked[0].ulValueLen, 3);
	assert_int_equal(asked[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(asked[2].ulValueLen, 3);
	assert_int_equal(asked[3].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(inner[0].ulValueLen, 3);
	assert_int_equal(asked[5].ulValueLen, CK_UNAVAILABLE_INFORMATION);
}

static void null_with_a_length_is_refused(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	CK_ATTRIBUTE bad = { CKA_LABEL, NULL, 5 };
	CK_OBJECT_HANDLE object;
	CK_ULONG len = 0;

	assert_int_equal(C_CreateObject(session, &bad, 1, &object), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_int_equal(C_CreateObject(session, NULL, 1, &object), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_Sign(session, NULL, 5, NULL, &len), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_Login(session, CKU_USER, NULL, 5), CKR_ARGUMENTS_BAD);
}

static void input_above_the_frame_limit_travels_in_parts_or_is_refused(void **state)
{
	CK_SESSION_HANDLE session = mock_session(state);
	size_t len = WIRE_FRAME_MAX + 1;
	CK_BYTE *data = calloc(1, len);
	CK_ULONG room = 0;

	assert_non_null(data);
	assert_int_equal(C_SetOperationState(session, data, len, 0, 0), CKR_DATA_LEN_RANGE);
	assert_int_equal(C_SignRecover(session, data, len, NULL, &room), CKR_DATA_LEN_RANGE);
	assert_int_equal(C_SeedRandom(session, data, len), CKR_OK);
	free(data);
}

static void interfaces_are_found_by_name_and_version(void **state)
{
	CK_UTF8CHAR name[] = "PKCS 11";
	CK_UTF8CHAR admin[] = IOTHSM_ADMIN_INTERFACE;
	CK_VERSION old = { 2, 40 };
	CK_VERSION unknown = { 9, 9 };
	CK_INTERFACE *found;

	(void)state;
	assert_int_equal(C_GetInterface(NULL, NULL, &found, CKF_INTERFACE_FORK_SAFE), CKR_OK);
	assert_int_equal(((CK_VERSION *)found->pFunctionList)->major, 3);
	assert_int_equal(C_GetInterface(name, &old, &found, 0), CKR_OK);
	assert_int_equal(((CK_VERSION *)found->pFunctionList)->minor, 40);
	assert_int_equal(C_GetInterface(admin, NULL, &found, 0), CKR_OK);
	assert_int_equal(C_GetInterface(name, &unknown, &found, 0), CKR_FUNCTION_FAILED);
	assert_int_equal(C_GetInterface(name, NULL, &found, 2), CKR_FUNCTION_FAILED);
	assert_int_equal(C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
}

static void no_function_of_a_table_is_missing(void **state)
{
	CK_INTERFACE list[8];
	CK_ULONG count = 8;

	(void)state;
	assert_int_equal(C_GetInterfaceList(list, &count), CKR_OK);
	for (size_t i = 0; i < 2; i++) {
		size_t functions = i == 0 ? 92 : 68;
		void *const *table =
			(void *const *)((char *)list[i].pFunctionList + sizeof(void *));

		for (size_t k = 0; k < functions; k++)
			assert_non_null(table[k]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, mock_session_setup, mock_session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_before_initialize_are_refused),
		cmocka_unit_test(initialize_takes_callbacks_all_or_none),
		cmocka_unit_test(without_an_agent_there_are_no_slots_and_no_delay),
		cmocka_unit_test(known_slots_lose_their_token_with_the_agent),
		cmocka_unit_test(interfaces_are_found_by_name_and_version),
		cmocka_unit_test(no_function_of_a_table_is_missing),
		TEST(second_initialize_is_refused),
		TEST(slot_list_tells_what_a_small_buffer_needs),
		TEST(slot_is_valid_without_a_list_before),
		TEST(forked_child_starts_anew_and_leaves_its_parent_alone),
		TEST(calls_of_several_threads_travel_at_the_same_time),
		TEST(threads_survive_restarts_with_few_errors),
		TEST(output_larger_than_offered_is_not_believed),
		TEST(structure_of_another_size_is_not_believed),
		TEST(nonsense_costs_the_connection_but_not_the_session),
		TEST(too_many_handles_are_not_believed),
		TEST(attributes_are_filled_each_for_itself),
		TEST(null_with_a_length_is_refused),
		TEST(input_above_the_frame_limit_travels_in_parts_or_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
