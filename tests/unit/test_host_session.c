/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual sessions of the host: numbers, states, and native sessions only while needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host_fixture.h"
#include "session.h"

static CK_STATE state_of(struct fixture *fixture, struct client *client, CK_ULONG number)
{
	CK_SESSION_INFO info;

	assert_int_equal(fixture_call(fixture, client,
				 (Call){ .function = Function_C_GetSessionInfo, .handle = number }),
		CKR_OK);
	assert_int_equal(fixture->reply.data.len, sizeof(info));
	memcpy(&info, fixture->reply.data.data, sizeof(info));
	assert_int_equal(info.slotID, 42);
	return info.state;
}

static void session_without_serial_flag_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_OpenSession, .handle = 5 }),
		CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

static void number_of_another_client_is_unknown(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->b,
				 (Call){ .function = Function_C_GetSessionInfo, .handle = 5 }),
		CKR_SESSION_HANDLE_INVALID);
}

static void state_follows_the_clients_own_login(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->a, 6, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->b, 5, 0), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(state_of(fixture, fixture->a, 5), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(state_of(fixture, fixture->a, 6), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(state_of(fixture, fixture->b, 5), CKS_RO_PUBLIC_SESSION);
}

static void last_session_closed_logs_the_client_out(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_CloseSession, .handle = 5 }),
		CKR_OK);
	assert_false(mock.login_done);
	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(state_of(fixture, fixture->a, 5), CKS_RO_PUBLIC_SESSION);
}

static void more_than_the_limit_of_sessions_is_refused(void **state)
{
	struct fixture *fixture = *state;

	for (CK_ULONG i = 1; i <= CLIENT_SESSIONS_MAX; i++)
		assert_int_equal(fixture_open(fixture, fixture->a, i, 0), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->a, 5000, 0), CKR_SESSION_COUNT);
	assert_int_equal(mock.opened, 1);
}

static void steady_signing_opens_no_further_native_session(void **state)
{
	struct fixture *fixture = *state;

	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	CK_OBJECT_HANDLE key = fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "key");

	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
	unsigned opened = mock.opened, closed = mock.closed;

	for (int i = 0; i < 20; i++)
		assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
	assert_int_equal(mock.opened, opened);
	assert_int_equal(mock.closed, closed);
}

static void failed_operation_spoils_its_native_session(void **state)
{
	struct fixture *fixture = *state;

	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	CK_OBJECT_HANDLE key = fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "key");
	unsigned closed = mock.closed;

	mock.sign_result = CKR_DEVICE_ERROR;
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_DEVICE_ERROR);
	assert_int_equal(mock.closed, closed + 1);
}

static void session_that_is_in_a_call_is_waited_for_until_a_deadline_only(void **state)
{
	struct fixture *fixture = *state;
	struct session *busy = NULL, *second = NULL;

	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(session_get(fixture->a, 5, wire_now_ms(), &busy), CKR_OK);
	assert_int_equal(session_get(fixture->a, 5, wire_now_ms(), &second), CKR_DEVICE_ERROR);
	assert_int_equal(session_close(fixture->a, 5, wire_now_ms()), CKR_DEVICE_ERROR);
	assert_int_equal(session_close_all(fixture->a, wire_now_ms()), CKR_DEVICE_ERROR);
	session_put(busy);
	assert_int_equal(session_close(fixture->a, 5, wire_now_ms()), CKR_OK);
	assert_int_equal(
		session_get(fixture->a, 5, wire_now_ms(), &busy), CKR_SESSION_HANDLE_INVALID);
}

/* Ten clients, so that no client's own limit is met. */
static void connections_of_a_user_are_limited_over_all_its_clients(void **state)
{
	struct fixture *fixture = *state;
	struct link_message message = { .uid = 1000 };
	struct client *clients[CLIENT_CONNECTIONS_OF_UID_MAX];
	size_t count = 1; /* the fixture's own of this user */

	for (; count < CLIENT_CONNECTIONS_OF_UID_MAX; count++) {
		message.client[0] = (uint8_t)(0x80 + count % 10);
		clients[count] = client_attach(&fixture->host, fixture->token, &message);
		assert_non_null(clients[count]);
	}
	assert_null(client_attach(&fixture->host, fixture->token, &message));
	message.uid = 1002;
	message.client[0] = 0x70;
	clients[0] = client_attach(&fixture->host, fixture->token, &message);
	assert_non_null(clients[0]);
	for (size_t i = 0; i < count; i++)
		client_detach(clients[i]);
	for (unsigned id = 0x70; id < 0x90; id++) {
		message.client[0] = (uint8_t)id;
		client_gone(&fixture->host, message.client);
	}
}

static void session_objects_end_with_their_session_and_are_hidden_from_others(void **state)
{
	struct fixture *fixture = *state;
	CK_BBOOL no = CK_FALSE;
	char label[] = "mine";
	CK_ATTRIBUTE template[] = { { CKA_PRIVATE, &no, sizeof(no) }, { CKA_LABEL, label, 4 } };

	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->a, 6, 0), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->b, 5, 0), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_CreateObject,
					 .handle = 5,
					 .attributes = { template, 2 } }),
		CKR_OK);
	CK_OBJECT_HANDLE made = fixture->reply.number;

	assert_int_equal(fixture_find(fixture, fixture->a, 6, CKO_DATA, "mine"), made);
	assert_int_equal(fixture_find(fixture, fixture->b, 5, CKO_DATA, "mine"), CK_INVALID_HANDLE);
	assert_int_equal(fixture_call(fixture, fixture->b,
				 (Call){ .function = Function_C_DestroyObject,
					 .handle = 5,
					 .object = made }),
		CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_CloseSession, .handle = 5 }),
		CKR_OK);
	assert_int_equal(fixture_find(fixture, fixture->a, 6, CKO_DATA, "mine"), CK_INVALID_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			session_without_serial_flag_is_refused, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			number_of_another_client_is_unknown, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			state_follows_the_clients_own_login, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			last_session_closed_logs_the_client_out, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(more_than_the_limit_of_sessions_is_refused,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(steady_signing_opens_no_further_native_session,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(failed_operation_spoils_its_native_session,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			session_that_is_in_a_call_is_waited_for_until_a_deadline_only,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			connections_of_a_user_are_limited_over_all_its_clients, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(
			session_objects_end_with_their_session_and_are_hidden_from_others,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
