/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "permit.h"
#include "support/host_fixture.h"

enum { SESSION = 5 };

static CK_OBJECT_HANDLE ready(struct fixture *fixture)
{
	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	(void)mock_library_add(CKO_PUBLIC_KEY, "key", "1", "point", false);
	assert_int_equal(fixture_open(fixture, fixture->a, SESSION, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(
		fixture_login(fixture, fixture->a, SESSION, CKU_USER, mock.user_pin), CKR_OK);
	return fixture_find(fixture, fixture->a, SESSION, CKO_PRIVATE_KEY, "key");
}

/* As the next connection of the client would bring it along. */
static void limit(struct fixture *fixture, CK_MECHANISM_TYPE type)
{
	struct link_message message = { .type = LINK_CLIENT,
		.uid = fixture->a->uid,
		.rights = FIXTURE_ALL_RIGHTS,
		.mechanisms = { 1, { type } },
		.slot = 42 };

	memcpy(message.client, fixture->a->id, sizeof(message.client));
	assert_ptr_equal(client_attach(&fixture->host, fixture->token, &message), fixture->a);
	client_detach(fixture->a);
}

static CK_RV call_with_mechanism(struct fixture *fixture, Function function, CK_OBJECT_HANDLE key)
{
	return fixture_call(fixture, fixture->a,
		(Call){ .function = function,
			.handle = SESSION,
			.object = key,
			.object2 = key,
			.has_mechanism = true,
			.mechanism = CKM_ECDSA });
}

static void mechanism_outside_the_list_is_invalid_in_every_call(void **state)
{
	static const Function functions[] = { Function_C_EncryptInit, Function_C_Encrypt,
		Function_C_DecryptInit, Function_C_Decrypt, Function_C_DigestInit,
		Function_C_Digest, Function_C_SignInit, Function_C_Sign, Function_C_SignRecoverInit,
		Function_C_VerifyInit, Function_C_Verify, Function_C_VerifyRecoverInit,
		Function_C_GenerateKey, Function_C_GenerateKeyPair, Function_C_WrapKey,
		Function_C_UnwrapKey, Function_C_DeriveKey };
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = ready(fixture);

	limit(fixture, CKM_AES_CBC);

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (call_with_mechanism(fixture, functions[i], key) != CKR_MECHANISM_INVALID)
			fail_msg("%s: 0x%lx", Function_name(functions[i]),
				(unsigned long)fixture->reply.rv);
}

static void mechanism_of_the_list_works(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = ready(fixture);

	limit(fixture, CKM_ECDSA);

	assert_int_equal(fixture_sign(fixture, fixture->a, SESSION, key), CKR_OK);
}

static void list_shows_what_is_permitted(void **state)
{
	struct fixture *fixture = *state;
	CK_MECHANISM_TYPE only = 0;
	(void)ready(fixture);

	limit(fixture, CKM_ECDSA);

	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_GetMechanismList }),
		CKR_OK);
	assert_int_equal(fixture->reply.data.len, sizeof(only));
	memcpy(&only, fixture->reply.data.data, sizeof(only));
	assert_int_equal(only, CKM_ECDSA);
	assert_int_equal(fixture_call(fixture, fixture->a,
				 (Call){ .function = Function_C_GetMechanismInfo,
					 .number = CKM_IOTHSM_PREPARE_KEY }),
		CKR_MECHANISM_INVALID);
}

static void other_clients_keep_their_mechanisms(void **state)
{
	struct fixture *fixture = *state;
	(void)ready(fixture);

	limit(fixture, CKM_AES_CBC);

	assert_true(permit_has_mechanism(fixture->b, CKM_ECDSA));
	assert_false(permit_has_mechanism(fixture->a, CKM_ECDSA));
}

static void signing_and_decrypting_are_rights_of_their_own(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = ready(fixture);

	fixture->a->rights = IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN;
	assert_int_equal(fixture_sign(fixture, fixture->a, SESSION, key), CKR_OK);
	assert_int_equal(
		call_with_mechanism(fixture, Function_C_DecryptInit, key), CKR_IOTHSM_POLICY);
	assert_int_equal(
		call_with_mechanism(fixture, Function_C_UnwrapKey, key), CKR_IOTHSM_POLICY);
	assert_int_equal(
		call_with_mechanism(fixture, Function_C_DeriveKey, key), CKR_IOTHSM_POLICY);
	fixture->a->rights = IOTHSM_RIGHT_USE | IOTHSM_RIGHT_DECRYPT;
	assert_int_equal(fixture_sign(fixture, fixture->a, SESSION, key), CKR_IOTHSM_POLICY);
}

/* What the host says while the calls are refused. */
static size_t refuse_often(struct fixture *fixture, unsigned times, char *said, size_t room)
{
	int former = dup(STDERR_FILENO);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	for (unsigned i = 0; i < times; i++)
		(void)call_with_mechanism(fixture, Function_C_SignInit, 0);
	(void)dup2(former, STDERR_FILENO);
	ssize_t len = read(ends[0], said, room - 1);

	(void)close(former);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_true(len >= 0);
	said[len] = '\0';
	return (size_t)len;
}

static void refusal_names_the_peer_and_what_would_allow_it(void **state)
{
	static const char *const parts[] = { "uid=1000", "function=C_SignInit",
		"mechanism=CKM_ECDSA", "'CKM_ECDSA' in 'mechanisms'" };
	struct fixture *fixture = *state;
	char said[4096];
	(void)ready(fixture);
	limit(fixture, CKM_AES_CBC);

	(void)refuse_often(fixture, 1, said, sizeof(said));

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!strstr(said, parts[i]))
			fail_msg("'%s' is not said by: %s", parts[i], said);
}

static void refusals_do_not_flood_the_log(void **state)
{
	struct fixture *fixture = *state;
	static char said[65536];
	size_t lines = 0;
	(void)ready(fixture);
	limit(fixture, CKM_AES_CBC);

	(void)refuse_often(fixture, 500, said, sizeof(said));

	for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, THROTTLE_BURST);
}

#define PERMIT_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PERMIT_TEST(mechanism_outside_the_list_is_invalid_in_every_call),
		PERMIT_TEST(mechanism_of_the_list_works),
		PERMIT_TEST(list_shows_what_is_permitted),
		PERMIT_TEST(other_clients_keep_their_mechanisms),
		PERMIT_TEST(signing_and_decrypting_are_rights_of_their_own),
		PERMIT_TEST(refusal_names_the_peer_and_what_would_allow_it),
		PERMIT_TEST(refusals_do_not_flood_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
