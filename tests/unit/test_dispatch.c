/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through dispatch: operations, output rules, and combinations that must not crash a library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iothsm/iothsm.h>

#include "host_fixture.h"

static CK_OBJECT_HANDLE prepare(struct fixture *fixture)
{
	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	assert_int_equal(fixture_open(fixture, fixture->a, 5, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	return fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "key");
}

static Call sign_init(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism)
{
	return (Call){ .function = Function_C_SignInit,
		.handle = 5,
		.object = key,
		.has_mechanism = true,
		.mechanism = mechanism };
}

static Call sign(void)
{
	return (Call){ .function = Function_C_Sign, .handle = 5, .data = bytes_of_text("abc") };
}

static void length_query_keeps_the_operation(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	Call call = sign();

	assert_int_equal(fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA)), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OK);
	assert_int_equal(fixture->reply.number, MOCK_SIGNATURE_LEN);
	assert_null(fixture->reply.data.data);
	call.has_room = true;
	call.room = 10;
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(mock.last_room, 10);
	assert_int_equal(fixture->reply.number, MOCK_SIGNATURE_LEN);
	call.room = 100;
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OK);
	assert_int_equal(mock.last_room, 100);
	assert_int_equal(fixture->reply.data.len, MOCK_SIGNATURE_LEN);
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OPERATION_NOT_INITIALIZED);
}

static void second_init_is_refused_and_one_without_mechanism_cancels(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	Call cancel = { .function = Function_C_SignInit, .handle = 5 };

	assert_int_equal(fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA)), CKR_OK);
	assert_int_equal(
		fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA)), CKR_OPERATION_ACTIVE);
	assert_int_equal(fixture_call(fixture, fixture->a, cancel), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, cancel), CKR_ARGUMENTS_BAD);
	assert_int_equal(fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA)), CKR_OK);
}

static void session_cancel_ends_the_operation(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);

	assert_int_equal(fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA)), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_SessionCancel,
					 .handle = 5,
					 .number = CKF_SIGN }),
		CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, sign()), CKR_OPERATION_NOT_INITIALIZED);
}

static void logout_ends_operations_that_began_before_it(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);

	assert_int_equal(fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA)), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_Logout, .handle = 5 }),
		CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, sign()), CKR_OPERATION_NOT_INITIALIZED);
}

static void hashed_mechanism_signs_the_digest_in_parts_too(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	Call update = sign(), final = { .function = Function_C_SignFinal, .handle = 5 };

	update.function = Function_C_SignUpdate;
	assert_int_equal(
		fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA_SHA256)), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, update), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, final), CKR_OK);
	assert_int_equal(fixture->reply.number, MOCK_SIGNATURE_LEN);
	final.has_room = true;
	final.room = MOCK_SIGNATURE_LEN;
	assert_int_equal(fixture_call(fixture, fixture->a, final), CKR_OK);
	assert_int_equal(mock.last_mechanism, CKM_ECDSA);
	assert_int_equal(mock.last_input_len, 32);
	assert_int_equal(mock.last_input[0], 0xba);
}

static void mechanism_list_ends_with_what_the_host_adds(void **state)
{
	struct fixture *fixture = *state;
	CK_MECHANISM_TYPE list[64];

	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_GetMechanismList }),
		CKR_OK);
	assert_in_range(fixture->reply.data.len, 10 * sizeof(*list), sizeof(list));
	memcpy(list, fixture->reply.data.data, fixture->reply.data.len);
	assert_int_equal(list[0], CKM_ECDSA);
	assert_int_equal(list[1], CKM_SHA256);
	assert_int_equal(list[2], CKM_ECDSA_SHA224);
	assert_int_equal(list[5], CKM_ECDSA_SHA512);
	assert_int_equal(list[6], CKM_IOTHSM_PREPARE_KEY);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_GetMechanismInfo,
					 .number = CKM_ECDSA_SHA256 }),
		CKR_OK);
}

static void provisioning_needs_login_session_and_right(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	Call init = sign_init(key, CKM_IOTHSM_SELF_SIGN);

	fixture->a->rights &= ~IOTHSM_RIGHT_GENERATE;
	assert_int_equal(fixture_call(fixture, fixture->a, init), CKR_IOTHSM_POLICY);
	fixture->a->rights |= IOTHSM_RIGHT_GENERATE;
	assert_int_equal(fixture_open(fixture, fixture->a, 6, 0), CKR_OK);
	init.handle = 6;
	assert_int_equal(fixture_call(fixture, fixture->a, init), CKR_SESSION_READ_ONLY);
	init.handle = 5;
	assert_int_equal(fixture_call(fixture, fixture->a, init), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, init), CKR_OK);
	assert_int_equal(
		fixture_call(fixture, fixture->a, sign_init(key, CKM_ECDSA)), CKR_OPERATION_ACTIVE);
}

static void unusable_provisioning_input_ends_the_operation_with_its_own_error(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	Call call = sign();

	call.has_room = true;
	call.room = 512;
	assert_int_equal(
		fixture_call(fixture, fixture->a, sign_init(key, CKM_IOTHSM_SELF_SIGN)), CKR_OK);
	assert_in_range(fixture_call(fixture, fixture->a, call), CKR_IOTHSM_TEMPLATE_INVALID,
		CKR_IOTHSM_STORE_FULL);
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OPERATION_NOT_INITIALIZED);
}

static void null_value_with_a_length_never_reaches_the_library(void **state)
{
	struct fixture *fixture = *state;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, NULL, 8 } };

	(void)prepare(fixture);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_CreateObject,
					 .handle = 5,
					 .attributes = { template, 1 } }),
		CKR_ATTRIBUTE_VALUE_INVALID);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_GetAttributeValue,
					 .handle = 5,
					 .object = 1,
					 .attributes = { template, 1 } }),
		CKR_ATTRIBUTE_VALUE_INVALID);
}

static void every_function_stands_a_call_without_any_field(void **state)
{
	struct fixture *fixture = *state;

	(void)prepare(fixture);
	for (int function = 0; function < 130; function++) {
		(void)fixture_call(fixture, fixture->a, (Call){ .function = (Function)function });
		CK_RV rv = fixture_call(fixture, fixture->a,
			(Call){ .function = (Function)function, .handle = 5, .number = 99 });

		assert_true(rv == CKR_OK || rv < 0x300 || rv >= CKR_IOTHSM_TEMPLATE_INVALID);
		(void)fixture_open(fixture, fixture->a, 5, CKF_RW_SESSION);
	}
}

static void unknown_attribute_leaves_the_others_filled(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	char label[8];
	CK_BBOOL always;
	CK_ATTRIBUTE wanted[] = { { CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always) },
		{ CKA_LABEL, label, sizeof(label) } };

	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_GetAttributeValue,
					 .handle = 5,
					 .object = key,
					 .query = true,
					 .attributes = { wanted, 2 } }),
		CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(fixture->reply.attributes.count, 2);
	assert_int_equal(fixture->reply.attributes.list[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_null(fixture->reply.attributes.list[0].pValue);
	assert_int_equal(fixture->reply.attributes.list[1].ulValueLen, 3);
	assert_memory_equal(label, "key", 3);
}

static void find_gives_the_first_handles_at_once_and_the_rest_later(void **state)
{
	struct fixture *fixture = *state;
	Call find = { .function = Function_C_FindObjectsInit, .handle = 5, .number = 2 };

	for (int i = 0; i < 2; i++)
		(void)mock_library_add(CKO_DATA, "more", "2", "", false);
	(void)prepare(fixture);
	assert_int_equal(fixture_call(fixture, fixture->a, find), CKR_OK);
	assert_int_equal(fixture->reply.data.len, 2 * sizeof(CK_OBJECT_HANDLE));
	assert_int_equal(fixture->reply.number, 0);
	assert_int_equal(fixture_call(fixture, fixture->a, find), CKR_OPERATION_ACTIVE);
	find.function = Function_C_FindObjects;
	assert_int_equal(fixture_call(fixture, fixture->a, find), CKR_OK);
	assert_int_equal(fixture->reply.data.len, sizeof(CK_OBJECT_HANDLE));
	assert_int_equal(fixture->reply.number, 1);
	find.function = Function_C_FindObjectsFinal;
	assert_int_equal(fixture_call(fixture, fixture->a, find), CKR_OK);
	assert_int_equal(fixture_call(fixture, fixture->a, find), CKR_OPERATION_NOT_INITIALIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			length_query_keeps_the_operation, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			second_init_is_refused_and_one_without_mechanism_cancels, fixture_setup,
			fixture_teardown),
		cmocka_unit_test_setup_teardown(
			session_cancel_ends_the_operation, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(logout_ends_operations_that_began_before_it,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(hashed_mechanism_signs_the_digest_in_parts_too,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(mechanism_list_ends_with_what_the_host_adds,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(provisioning_needs_login_session_and_right,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			unusable_provisioning_input_ends_the_operation_with_its_own_error,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(null_value_with_a_length_never_reaches_the_library,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_function_stands_a_call_without_any_field,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(unknown_attribute_leaves_the_others_filled,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			find_gives_the_first_handles_at_once_and_the_rest_later, fixture_setup,
			fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
