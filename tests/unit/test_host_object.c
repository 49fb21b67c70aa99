/* SPDX-License-Identifier: Apache-2.0 */
/* Object handles of the host: who sees what, and which handle outlives a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iothsm/iothsm.h>

#include "host_fixture.h"

static CK_OBJECT_HANDLE find_key(struct fixture *fixture, struct client *client)
{
	return fixture_find(fixture, client, 5, CKO_PRIVATE_KEY, "key");
}

static void open_and_log_in(struct fixture *fixture)
{
	assert_int_equal(fixture_open(fixture, fixture->a, 5, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(fixture_open(fixture, fixture->b, 5, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
}

/* A private key with its public key, so that it can be known again. */
static void add_pair(const char *point)
{
	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	(void)mock_library_add(CKO_PUBLIC_KEY, "key", "1", point, false);
}

static void private_object_is_hidden_and_unusable_without_login(void **state)
{
	struct fixture *fixture = *state;

	add_pair("point");
	open_and_log_in(fixture);
	CK_OBJECT_HANDLE key = find_key(fixture, fixture->a);

	assert_int_not_equal(key, CK_INVALID_HANDLE);
	assert_int_equal(find_key(fixture, fixture->b), CK_INVALID_HANDLE);
	assert_int_equal(fixture_sign(fixture, fixture->b, 5, key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(
		fixture_call(fixture, fixture->b,
			(Call){ .function = Function_C_DestroyObject, .handle = 5, .object = key }),
		CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mock.sign_inits, 0);
}

static void private_object_cannot_be_made_without_login_even_by_default(void **state)
{
	struct fixture *fixture = *state;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &yes, sizeof(yes) } };
	Call create = {
		.function = Function_C_CreateObject, .handle = 5, .attributes = { template, 1 }
	};

	open_and_log_in(fixture);
	assert_int_equal(fixture_call(fixture, fixture->b, create), CKR_USER_NOT_LOGGED_IN);
	for (size_t i = 0; i < MOCK_OBJECTS_MAX; i++)
		assert_false(mock.objects[i].present);
}

static void token_object_needs_a_read_write_session_and_the_right(void **state)
{
	struct fixture *fixture = *state;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &no, sizeof(no) } };
	Call create = {
		.function = Function_C_CreateObject, .handle = 6, .attributes = { template, 2 }
	};

	open_and_log_in(fixture);
	assert_int_equal(fixture_open(fixture, fixture->a, 6, 0), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, create), CKR_SESSION_READ_ONLY);
	create.handle = 5;
	fixture->a->rights &= ~IOTHSM_RIGHT_GENERATE;
	assert_int_equal(fixture_call(fixture, fixture->a, create), CKR_IOTHSM_POLICY);
	fixture->a->rights |= IOTHSM_RIGHT_GENERATE;
	assert_int_equal(fixture_call(fixture, fixture->a, create), CKR_OK);
}

static void handle_outlives_a_restart(void **state)
{
	struct fixture *fixture = *state;

	add_pair("point");
	open_and_log_in(fixture);
	CK_OBJECT_HANDLE key = find_key(fixture, fixture->a);

	fixture_restart(fixture);
	open_and_log_in(fixture);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
}

static void handle_survives_a_changed_label(void **state)
{
	struct fixture *fixture = *state;
	char label[] = "renamed";
	CK_ATTRIBUTE template[] = { { CKA_LABEL, label, 7 } };

	add_pair("point");
	open_and_log_in(fixture);
	CK_OBJECT_HANDLE key = find_key(fixture, fixture->a);

	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_SetAttributeValue,
					 .handle = 5,
					 .object = key,
					 .attributes = { template, 1 } }),
		CKR_OK);
	assert_int_equal(fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "renamed"), key);
	fixture_restart(fixture);
	open_and_log_in(fixture);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
}

static void key_made_again_in_the_outage_is_not_signed_with(void **state)
{
	struct fixture *fixture = *state;

	add_pair("point");
	open_and_log_in(fixture);
	CK_OBJECT_HANDLE key = find_key(fixture, fixture->a);

	memset(mock.objects, 0, sizeof(mock.objects));
	add_pair("other");
	fixture_restart(fixture);
	open_and_log_in(fixture);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(mock.signs, 0);
	assert_int_equal(
		fixture_sign(fixture, fixture->a, 5, find_key(fixture, fixture->a)), CKR_OK);
}

static void key_without_a_public_value_has_no_durable_handle(void **state)
{
	struct fixture *fixture = *state;

	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	open_and_log_in(fixture);
	CK_OBJECT_HANDLE key = find_key(fixture, fixture->a);

	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
	fixture_restart(fixture);
	open_and_log_in(fixture);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_KEY_HANDLE_INVALID);
}

static void two_alike_are_not_told_apart_after_a_restart(void **state)
{
	struct fixture *fixture = *state;

	add_pair("point");
	(void)mock_library_add(CKO_PRIVATE_KEY, "twin", "1", "", true);
	open_and_log_in(fixture);
	CK_OBJECT_HANDLE key = find_key(fixture, fixture->a);
	CK_OBJECT_HANDLE twin = fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "twin");

	assert_int_not_equal(key, twin);
	fixture_restart(fixture);
	open_and_log_in(fixture);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, twin), CKR_KEY_HANDLE_INVALID);
}

static void handle_without_public_value_survives_a_native_logout(void **state)
{
	struct fixture *fixture = *state;

	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	open_and_log_in(fixture);
	CK_OBJECT_HANDLE key = find_key(fixture, fixture->a);

	assert_int_equal(fixture_login(fixture, fixture->b, 5, CKU_SO, "87654321"), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->b,
				 (Call){ .function = Function_C_Logout, .handle = 5 }),
		CKR_OK);
	assert_int_equal(mock.logouts, 2);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
}

/* Of two values a library may take the other one than we judge by. */
static void template_that_says_twice_where_an_object_belongs_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_PRIVATE, &no, sizeof(no) },
		{ CKA_TOKEN, &no, sizeof(no) }, { CKA_TOKEN, &yes, sizeof(yes) } };
	Call create = {
		.function = Function_C_CreateObject, .handle = 5, .attributes = { template, 3 }
	};

	assert_int_equal(fixture_open(fixture, fixture->a, 5, 0), CKR_OK);
	fixture->a->rights &= ~IOTHSM_RIGHT_GENERATE;
	assert_int_equal(fixture_call(fixture, fixture->a, create), CKR_TEMPLATE_INCONSISTENT);
	create.attributes.count = 2;
	template[1].ulValueLen = 8;
	assert_int_equal(fixture_call(fixture, fixture->a, create), CKR_ATTRIBUTE_VALUE_INVALID);
	for (size_t i = 0; i < MOCK_OBJECTS_MAX; i++)
		assert_false(mock.objects[i].present);
}

static void session_objects_of_a_client_are_limited(void **state)
{
	struct fixture *fixture = *state;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_PRIVATE, &no, sizeof(no) } };
	Call create = {
		.function = Function_C_CreateObject, .handle = 5, .attributes = { template, 1 }
	};

	open_and_log_in(fixture);
	assert_int_equal(fixture_call(fixture, fixture->a, create), CKR_OK);
	assert_int_equal(fixture->a->objects, 1);
	fixture->a->objects = CLIENT_OBJECTS_MAX;
	assert_int_equal(fixture_call(fixture, fixture->a, create), CKR_DEVICE_MEMORY);
	assert_false(mock.objects[1].present);
	assert_int_equal(fixture_call(fixture, fixture->b, create), CKR_OK);
	fixture->a->objects = 1;
}

static void destroyed_object_is_gone_at_once(void **state)
{
	struct fixture *fixture = *state;
	Call destroy = { .function = Function_C_DestroyObject, .handle = 5 };

	add_pair("point");
	open_and_log_in(fixture);
	destroy.object = find_key(fixture, fixture->a);
	assert_int_equal(fixture_call(fixture, fixture->a, destroy), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, destroy), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(find_key(fixture, fixture->a), CK_INVALID_HANDLE);
}

static void attributes_that_decide_who_sees_an_object_cannot_be_set(void **state)
{
	struct fixture *fixture = *state;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_PRIVATE, &no, sizeof(no) } };

	add_pair("point");
	open_and_log_in(fixture);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_SetAttributeValue,
					 .handle = 5,
					 .object = find_key(fixture, fixture->a),
					 .attributes = { template, 1 } }),
		CKR_ATTRIBUTE_READ_ONLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(private_object_is_hidden_and_unusable_without_login,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			private_object_cannot_be_made_without_login_even_by_default, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(
			token_object_needs_a_read_write_session_and_the_right, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(
			handle_outlives_a_restart, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			handle_survives_a_changed_label, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(key_made_again_in_the_outage_is_not_signed_with,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(key_without_a_public_value_has_no_durable_handle,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(two_alike_are_not_told_apart_after_a_restart,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			handle_without_public_value_survives_a_native_logout, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(
			template_that_says_twice_where_an_object_belongs_is_refused, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(
			session_objects_of_a_client_are_limited, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			destroyed_object_is_gone_at_once, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			attributes_that_decide_who_sees_an_object_cannot_be_set, fixture_setup,
			fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
