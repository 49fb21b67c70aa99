/* SPDX-License-Identifier: Apache-2.0 */
/* Keys made ready for provisioning: generated or existing, marked, never half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificate.h"
#include "cleanup.h"
#include "support/lent.h"

enum { ID = 7 };

static void prepared_key_of_every_kind_has_the_temporary_certificate(void **state)
{
	const struct lent *lent = *state;

	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CK_BYTE id = (CK_BYTE)(ID + kind);
		CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;

		assert_int_equal(lent_prepare(lent, softhsm_key_parameters((enum softhsm_key)kind),
					 kind == SOFTHSM_RSA_2048 ? 2048 : 0, id, &key),
			CKR_OK);

		CLEANUP(x509) X509 *cert = lent_certificate(lent, id);
		assert_true(certificate_is_temporary(cert));
		assert_int_equal(softhsm_count(lent->softhsm, CKO_PRIVATE_KEY, &id, NULL), 1);
		assert_int_equal(softhsm_count(lent->softhsm, CKO_PUBLIC_KEY, &id, NULL), 1);
		assert_int_equal(lent_self_sign(lent, key), CKR_OK);
	}
}

static void edwards_curve_is_known_by_every_spelling(void **state)
{
	static const char *const spellings[] = { "\x06\x03\x2b\x65\x70",
		"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
		"\x13\x0c"
		"edwards25519" };
	const struct lent *lent = *state;

	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		CK_BYTE id = (CK_BYTE)(ID + i);
		CK_OBJECT_HANDLE key;

		assert_int_equal(
			lent_prepare(lent, bytes_of_text(spellings[i]), 0, id, &key), CKR_OK);

		CLEANUP(x509) X509 *cert = lent_certificate(lent, id);
		assert_true(EVP_PKEY_is_a(X509_get0_pubkey(cert), "ED25519"));
	}
}

static void prepared_key_never_leaves_the_token(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key;
	CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE, token = CK_FALSE;
	CK_ATTRIBUTE asked[] = { { CKA_SENSITIVE, &sensitive, 1 },
		{ CKA_EXTRACTABLE, &extractable, 1 }, { CKA_TOKEN, &token, 1 } };

	assert_int_equal(
		lent_prepare(lent, softhsm_key_parameters(SOFTHSM_P256), 0, ID, &key), CKR_OK);
	assert_int_equal(lent->token.functions->C_GetAttributeValue(
				 lent->token.session, key, asked, ARRAY_LEN(asked)),
		CKR_OK);

	assert_true(sensitive && !extractable && token);
}

static void occupied_id_is_refused_and_nothing_changes(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key;

	(void)lent_generate(lent, SOFTHSM_P256, ID);
	size_t before = lent_count_all(lent);

	assert_int_equal(lent_prepare(lent, softhsm_key_parameters(SOFTHSM_P256), 0, ID, &key),
		CKR_IOTHSM_SLOT_IN_USE);
	assert_int_equal(lent_count_all(lent), before);
}

static void unusable_key_templates_are_refused(void **state)
{
	const struct lent *lent = *state;
	CK_BBOOL no = CK_FALSE;
	CK_BYTE id = ID, other = ID + 1;
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &bits, sizeof(bits) };
	CK_ATTRIBUTE name = { CKA_ID, &id, 1 };
	struct {
		CK_ATTRIBUTE public_list[2];
		CK_ULONG count;
		CK_ATTRIBUTE private_list[1];
		CK_ULONG private_count;
		CK_RV rv;
	} cases[] = {
		{ { name }, 1, { { 0 } }, 0, CKR_TEMPLATE_INCOMPLETE },
		{ { size }, 1, { { 0 } }, 0, CKR_TEMPLATE_INCOMPLETE },
		{ { size, name }, 2, { { CKA_ID, &other, 1 } }, 1, CKR_TEMPLATE_INCONSISTENT },
		{ { size, name }, 2, { { CKA_TOKEN, &no, 1 } }, 1, CKR_TEMPLATE_INCONSISTENT },
		{ { size, name }, 2, { { CKA_SIGN, &no, 1 } }, 1, CKR_TEMPLATE_INCONSISTENT },
		{ { size, size }, 2, { { CKA_ID, &id, 1 } }, 1, CKR_TEMPLATE_INCONSISTENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct attributes public_template = { cases[i].public_list, cases[i].count };
		struct attributes private_template = { cases[i].private_list,
			cases[i].private_count };
		CK_OBJECT_HANDLE public_key, private_key;

		assert_int_equal(provision_generate(&lent->token, &public_template,
					 &private_template, &public_key, &private_key),
			cases[i].rv);
	}
	assert_int_equal(lent_count_all(lent), 0);
}

static CK_RV create_nothing(
	CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	(void)session;
	(void)list;
	(void)count;
	(void)object;
	return CKR_DEVICE_MEMORY;
}

static void failed_preparation_leaves_no_key(void **state)
{
	struct lent broken = lent_with_failing(*state);
	CK_OBJECT_HANDLE key;

	lent_failing.C_CreateObject = create_nothing;

	assert_int_equal(lent_prepare(&broken, softhsm_key_parameters(SOFTHSM_P256), 0, ID, &key),
		CKR_DEVICE_MEMORY);
	assert_int_equal(lent_count_all(*state), 0);
}

static void existing_key_is_prepared_once(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);

	assert_int_equal(lent_run(lent, CKM_IOTHSM_PREPARE_KEY, key, bytes_of(NULL, 0)), CKR_OK);

	CLEANUP(x509) X509 *cert = lent_certificate(lent, ID);
	assert_true(certificate_is_temporary(cert));
	assert_int_equal(lent_run(lent, CKM_IOTHSM_PREPARE_KEY, key, bytes_of_text("ignored")),
		CKR_IOTHSM_SLOT_IN_USE);
}

#define TEST(name) cmocka_unit_test_setup(name, lent_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prepared_key_of_every_kind_has_the_temporary_certificate),
		TEST(edwards_curve_is_known_by_every_spelling),
		TEST(prepared_key_never_leaves_the_token),
		TEST(occupied_id_is_refused_and_nothing_changes),
		TEST(unusable_key_templates_are_refused),
		TEST(failed_preparation_leaves_no_key),
		TEST(existing_key_is_prepared_once),
	};

	return cmocka_run_group_tests_name("prepare", tests, lent_setup, lent_teardown);
}
