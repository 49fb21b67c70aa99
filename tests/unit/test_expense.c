/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iothsm/iothsm.h>
#include <pthread.h>

#include "expense.h"
#include "support/host_fixture.h"

enum { SESSION = 5 };

static void without_the_right(struct fixture *fixture)
{
	assert_int_equal(fixture_open(fixture, fixture->a, SESSION, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(
		fixture_login(fixture, fixture->a, SESSION, CKU_USER, mock.user_pin), CKR_OK);
	fixture->a->rights &= ~IOTHSM_RIGHT_GENERATE;
}

static CK_RV generate_pair(struct fixture *fixture, CK_MECHANISM_TYPE type, CK_ULONG bits)
{
	CK_ATTRIBUTE template[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) } };

	return fixture_call(fixture, fixture->a,
		(Call){ .function = Function_C_GenerateKeyPair,
			.handle = SESSION,
			.has_mechanism = true,
			.mechanism = type,
			.attributes = { template, 1 } });
}

static void session_keys_without_the_right_are_bounded(void **state)
{
	struct fixture *fixture = *state;

	without_the_right(fixture);

	assert_int_equal(
		generate_pair(fixture, CKM_RSA_PKCS_KEY_PAIR_GEN, 4097), CKR_IOTHSM_POLICY);
	assert_int_equal(generate_pair(fixture, CKM_DSA_KEY_PAIR_GEN, 1024), CKR_IOTHSM_POLICY);
	assert_int_not_equal(
		generate_pair(fixture, CKM_RSA_PKCS_KEY_PAIR_GEN, 4096), CKR_IOTHSM_POLICY);
	assert_int_not_equal(generate_pair(fixture, CKM_EC_KEY_PAIR_GEN, 0), CKR_IOTHSM_POLICY);
}

static void second_size_in_a_template_counts_too(void **state)
{
	struct fixture *fixture = *state;
	CK_ULONG small = 2048, large = 16384;
	CK_ATTRIBUTE template[] = { { CKA_MODULUS_BITS, &small, sizeof(small) },
		{ CKA_MODULUS_BITS, &large, sizeof(large) } };

	without_the_right(fixture);

	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_GenerateKeyPair,
					 .handle = SESSION,
					 .has_mechanism = true,
					 .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN,
					 .attributes = { template, 2 } }),
		CKR_IOTHSM_POLICY);
}

static void what_takes_minutes_is_for_administrators(void **state)
{
	struct fixture *fixture = *state;

	without_the_right(fixture);
	fixture->a->rights |= IOTHSM_RIGHT_GENERATE;
	fixture->a->rights &= ~IOTHSM_RIGHT_ADMIN;

	assert_int_equal(
		generate_pair(fixture, CKM_RSA_PKCS_KEY_PAIR_GEN, 8193), CKR_FUNCTION_REJECTED);
	assert_int_equal(
		generate_pair(fixture, CKM_IOTHSM_PREPARE_KEY, 16384), CKR_FUNCTION_REJECTED);
	assert_int_not_equal(
		generate_pair(fixture, CKM_RSA_PKCS_KEY_PAIR_GEN, 8192), CKR_FUNCTION_REJECTED);
	assert_int_not_equal(
		generate_pair(fixture, CKM_DSA_KEY_PAIR_GEN, 16384), CKR_FUNCTION_REJECTED);
	assert_int_equal(fixture->host.busy_count, 0);
}

static void administrator_is_not_bounded(void **state)
{
	struct fixture *fixture = *state;

	without_the_right(fixture);
	fixture->a->rights |= IOTHSM_RIGHT_GENERATE | IOTHSM_RIGHT_ADMIN;

	assert_int_not_equal(
		generate_pair(fixture, CKM_RSA_PKCS_KEY_PAIR_GEN, 16384), CKR_FUNCTION_REJECTED);
	assert_int_equal(fixture->host.busy_count, 0);
}

struct turn {
	struct request request;
	bool taken;
};

static struct turn turn_of(struct client *client)
{
	return (struct turn){ .request = { .client = client,
				      .token = client->token,
				      .mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 } } };
}

static void *take_turn(void *context)
{
	struct turn *turn = context;

	turn->taken = expense_begin(&turn->request) == CKR_OK;
	return NULL;
}

static void one_user_has_one_turn_and_others_have_theirs(void **state)
{
	struct fixture *fixture = *state;
	struct turn first = turn_of(fixture->a), other = turn_of(fixture->b);
	struct turn second = turn_of(fixture->a);
	pthread_t thread;

	assert_int_equal(expense_begin(&first.request), CKR_OK);
	assert_int_equal(expense_begin(&other.request), CKR_OK);
	assert_int_equal(pthread_create(&thread, NULL, take_turn, &second), 0);
	(void)pthread_mutex_lock(&fixture->host.lock);
	assert_int_equal(fixture->host.busy_count, 2);
	(void)pthread_mutex_unlock(&fixture->host.lock);
	expense_end(&first.request);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(second.taken);
	expense_end(&second.request);
	expense_end(&other.request);

	assert_int_equal(fixture->host.busy_count, 0);
}

#define EXPENSE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EXPENSE_TEST(session_keys_without_the_right_are_bounded),
		EXPENSE_TEST(second_size_in_a_template_counts_too),
		EXPENSE_TEST(what_takes_minutes_is_for_administrators),
		EXPENSE_TEST(administrator_is_not_bounded),
		EXPENSE_TEST(one_user_has_one_turn_and_others_have_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
