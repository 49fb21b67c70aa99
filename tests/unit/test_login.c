/* SPDX-License-Identifier: Apache-2.0 */
/* Many virtual logins over one native one: PINs, guard, SO phase, tickets, kept PINs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iothsm/iothsm.h>

#include "host_fixture.h"

static CK_RV init_pin(
	struct fixture *fixture, struct client *client, CK_ULONG number, const char *pin)
{
	return fixture_call(fixture, client,
		(Call){ .function = Function_C_InitPIN,
			.handle = number,
			.data = bytes_of_text(pin) });
}

static CK_RV logout(struct fixture *fixture, struct client *client, CK_ULONG number)
{
	return fixture_call(
		fixture, client, (Call){ .function = Function_C_Logout, .handle = number });
}

static void open_both(struct fixture *fixture)
{
	assert_int_equal(fixture_open(fixture, fixture->a, 5, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->b, 5, CKF_RW_SESSION), CKR_OK);
}

static void second_client_is_checked_without_a_native_login(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(
		fixture_login(fixture, fixture->b, 5, CKU_USER, "0000"), CKR_PIN_INCORRECT);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_USER, "1234"),
		CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(mock.logins, 1);
}

static void token_logs_out_with_the_last_client_only(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(logout(fixture, fixture->a, 5), CKR_OK);
	assert_true(mock.login_done);
	assert_int_equal(logout(fixture, fixture->a, 5), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(logout(fixture, fixture->b, 5), CKR_OK);
	assert_false(mock.login_done);
}

static void three_wrong_pins_lock_the_uid_and_the_front_is_told(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			fixture_login(fixture, fixture->a, 5, CKU_USER, "0000"), CKR_PIN_INCORRECT);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_PIN_LOCKED);
	assert_int_equal(mock.logins, 3);
	assert_int_equal(fixture->told[LINK_GUARD], 3);
	assert_int_equal(fixture->last[LINK_GUARD].number, 3);
	assert_int_equal(fixture->last[LINK_GUARD].uid, 1000);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_USER, "1234"), CKR_OK);
}

static void last_try_of_the_token_is_not_spent(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	mock.token_flags = CKF_USER_PIN_FINAL_TRY;
	assert_int_equal(
		fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_IOTHSM_PIN_GUARD);
	assert_int_equal(mock.logins, 0);
}

static void so_phase_changes_the_pin_and_other_clients_stay_logged_in(void **state)
{
	struct fixture *fixture = *state;

	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	CK_OBJECT_HANDLE key = fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "key");

	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_SO, "87654321"), CKR_OK);
	assert_int_equal(mock.user, CKU_SO);
	assert_int_equal(init_pin(fixture, fixture->b, 5, "4321"), CKR_OK);
	assert_int_equal(logout(fixture, fixture->b, 5), CKR_OK);
	assert_int_equal(fixture->told[LINK_TICKET_VOID], 1);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
	assert_string_equal(mock.user_pin, "4321");
}

static void so_login_is_judged_on_the_clients_own_sessions(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	assert_int_equal(fixture_open(fixture, fixture->a, 6, 0), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_SO, "87654321"),
		CKR_SESSION_READ_ONLY_EXISTS);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_SO, "87654321"), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->b, 6, 0), CKR_SESSION_READ_WRITE_SO_EXISTS);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_USER, "1234"),
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

static CK_RV make_private_session_object(struct fixture *fixture, struct client *client)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &no, sizeof(no) },
		{ CKA_PRIVATE, &yes, sizeof(yes) } };

	return fixture_call(fixture, client,
		(Call){ .function = Function_C_CreateObject,
			.handle = 5,
			.attributes = { template, 2 } });
}

/* The logout that an SO phase begins with would destroy it. */
static void so_waits_for_private_session_objects_of_others(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(make_private_session_object(fixture, fixture->a), CKR_OK);
	CK_OBJECT_HANDLE object = fixture->reply.number;

	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_SO, "87654321"),
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	assert_true(mock.login_done);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_DestroyObject,
					 .handle = 5,
					 .object = object }),
		CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_SO, "87654321"), CKR_OK);
}

static void pin_to_keep_is_checked_beside_private_session_objects(void **state)
{
	struct fixture *fixture = *state;
	Call keep = { .function = Function_ADMIN_KEEP_PIN, .data = bytes_of_text("1234") };

	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(make_private_session_object(fixture, fixture->a), CKR_OK);

	keep.number = CKU_SO;
	assert_int_equal(
		fixture_call(fixture, fixture->b, keep), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	keep.number = CKU_USER;
	assert_int_equal(fixture_call(fixture, fixture->b, keep), CKR_OK);
	assert_int_equal(mock.logins, 1);
}

static void so_login_needs_its_right(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	fixture->a->rights &= ~IOTHSM_RIGHT_SO;
	assert_int_equal(
		fixture_login(fixture, fixture->a, 5, CKU_SO, "87654321"), CKR_IOTHSM_POLICY);
	assert_int_equal(mock.logins, 0);
}

static void wrong_so_pin_gives_the_token_back_to_the_user(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(
		fixture_login(fixture, fixture->b, 5, CKU_SO, "00000000"), CKR_PIN_INCORRECT);
	assert_true(mock.login_done);
	assert_int_equal(mock.user, CKU_USER);
}

static CK_RV restore(struct fixture *fixture, struct client *client, const uint8_t *ticket)
{
	return fixture_call(fixture, client,
		(Call){ .function = Function_RESTORE_LOGIN,
			.handle = 5,
			.number = CKU_USER,
			.data = bytes_of(ticket, WIRE_TICKET_LEN) });
}

static void ticket_logs_in_again_after_a_restart_for_its_client_only(void **state)
{
	struct fixture *fixture = *state;
	uint8_t ticket[WIRE_TICKET_LEN];

	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(fixture->reply.data.len, WIRE_TICKET_LEN);
	memcpy(ticket, fixture->reply.data.data, sizeof(ticket));
	struct link_message kept = fixture->last[LINK_TICKET];

	fixture_restart(fixture);
	host_remember(&fixture->host, &kept);
	open_both(fixture);
	assert_int_equal(restore(fixture, fixture->b, ticket), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(restore(fixture, fixture->a, ticket), CKR_OK);
	ticket[0] ^= 1;
	assert_int_equal(restore(fixture, fixture->a, ticket), CKR_USER_NOT_LOGGED_IN);
}

static void kept_pin_serves_those_who_have_the_right(void **state)
{
	struct fixture *fixture = *state;
	struct link_message pin = {
		.type = LINK_PIN, .user = CKU_USER, .serial = "0123456789ABCDEF"
	};

	assert_true(secret_set(&pin.secret, bytes_of_text("1234")));
	host_remember(&fixture->host, &pin);
	open_both(fixture);
	fixture->b->rights &= ~IOTHSM_RIGHT_KEPT_PIN;
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_USER, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, NULL), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_SO, NULL), CKR_ARGUMENTS_BAD);
}

static void wrong_kept_pin_is_tried_once_only(void **state)
{
	struct fixture *fixture = *state;
	struct link_message pin = {
		.type = LINK_PIN, .user = CKU_USER, .serial = "0123456789ABCDEF"
	};

	assert_true(secret_set(&pin.secret, bytes_of_text("9999")));
	host_remember(&fixture->host, &pin);
	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, NULL), CKR_PIN_INCORRECT);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(mock.logins, 1);
	assert_int_equal(fixture->told[LINK_FORGET_PIN], 1);
	assert_int_equal(fixture->last[LINK_FORGET_PIN].user, CKU_USER);
	assert_string_equal(fixture->last[LINK_FORGET_PIN].serial, "0123456789ABCDEF");
}

static void changed_pin_is_the_one_that_counts(void **state)
{
	struct fixture *fixture = *state;

	open_both(fixture);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_SetPIN,
					 .handle = 5,
					 .data = bytes_of_text("1234"),
					 .data2 = bytes_of_text("777777") }),
		CKR_OK);
	assert_int_equal(
		fixture_login(fixture, fixture->b, 5, CKU_USER, "1234"), CKR_PIN_INCORRECT);
	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_USER, "777777"), CKR_OK);
}

static CK_RV init_token(struct fixture *fixture)
{
	static const char label[] = "new                             ";

	return fixture_call(fixture, fixture->a,
		(Call){ .function = Function_C_InitToken,
			.data = bytes_of_text("87654321"),
			.data2 = bytes_of(label, 32) });
}

static void token_is_made_anew_only_while_nobody_has_sessions(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_open(fixture, fixture->b, 5, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(init_token(fixture), CKR_SESSION_EXISTS);
	assert_int_equal(fixture_call(fixture, fixture->b,
				 (Call){ .function = Function_C_CloseAllSessions }),
		CKR_OK);
	assert_int_equal(init_token(fixture), CKR_OK);
	assert_int_equal(mock.tokens_made, 1);
	assert_int_equal(fixture->told[LINK_ALIAS], 1);
	assert_int_equal(fixture->last[LINK_ALIAS].slot, 42);
}

static void administration_needs_its_right_and_checks_the_pin(void **state)
{
	struct fixture *fixture = *state;
	Call keep = { .function = Function_ADMIN_KEEP_PIN, .number = CKU_USER };

	keep.data = bytes_of_text("0000");
	assert_int_equal(fixture_call(fixture, fixture->a, keep), CKR_PIN_INCORRECT);
	keep.data = bytes_of_text("1234");
	assert_int_equal(fixture_call(fixture, fixture->a, keep), CKR_OK);
	assert_int_equal(fixture->told[LINK_KEEP_PIN], 1);
	assert_false(mock.login_done);
	fixture->b->rights &= ~IOTHSM_RIGHT_ADMIN;
	assert_int_equal(fixture_call(fixture, fixture->b, keep), CKR_FUNCTION_REJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(second_client_is_checked_without_a_native_login,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			token_logs_out_with_the_last_client_only, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(three_wrong_pins_lock_the_uid_and_the_front_is_told,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			last_try_of_the_token_is_not_spent, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			so_phase_changes_the_pin_and_other_clients_stay_logged_in, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(so_login_is_judged_on_the_clients_own_sessions,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			so_login_needs_its_right, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(wrong_so_pin_gives_the_token_back_to_the_user,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			ticket_logs_in_again_after_a_restart_for_its_client_only, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(so_waits_for_private_session_objects_of_others,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			pin_to_keep_is_checked_beside_private_session_objects, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(
			kept_pin_serves_those_who_have_the_right, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			wrong_kept_pin_is_tried_once_only, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			changed_pin_is_the_one_that_counts, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(token_is_made_anew_only_while_nobody_has_sessions,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(administration_needs_its_right_and_checks_the_pin,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
