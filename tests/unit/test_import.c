/* SPDX-License-Identifier: Apache-2.0 */
/* Signed certificates come in: checked against the key, with their issuers, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificate.h"
#include "cleanup.h"
#include "support/lent.h"
#include "support/sample_template.h"

enum { ID = 7 };

static void imported_certificate_takes_the_place_of_the_root(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_RSA_2048, ID);
	CLEANUP(x509) X509 *cert = lent_sign_by_ca(lent, key, NULL);
	uint64_t history;

	assert_int_equal(lent_self_sign(lent, key), CKR_OK);
	assert_int_equal(lent_run_cert(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, cert), CKR_OK);

	CLEANUP(x509) X509 *now = lent_certificate(lent, ID);
	assert_int_equal(X509_cmp(now, cert), 0);
	assert_int_equal(lent_count_data(lent, "iothsm-history", &history), 1);
}

static void repeated_import_changes_nothing(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509) X509 *cert = lent_sign_by_ca(lent, key, NULL);

	assert_int_equal(lent_run_cert(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, cert), CKR_OK);
	size_t before = lent_count_all(lent);

	assert_int_equal(lent_run_cert(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, cert), CKR_OK);
	assert_int_equal(lent_count_all(lent), before);
}

static void certificate_of_another_key_is_refused(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509) X509 *other = test_template_make(&(struct test_template){ 0 });
	size_t before = lent_count_all(lent);

	assert_int_equal(lent_run_cert(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, other),
		CKR_IOTHSM_KEY_MISMATCH);
	assert_int_equal(lent_run(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, bytes_of_text("x")),
		CKR_IOTHSM_TEMPLATE_INVALID);
	assert_int_equal(lent_count_all(lent), before);
}

static void bundle_keeps_the_issuer_and_leaves_strangers_out(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509) X509 *issuer = NULL;
	CLEANUP(x509) X509 *cert = lent_sign_by_ca(lent, key, &issuer);
	CLEANUP(x509)
	X509 *stranger = test_template_make(&(struct test_template){ .common_name = "Other" });
	CLEANUP(free)
	char *pems[] = { certificate_pem(stranger), certificate_pem(issuer),
		certificate_pem(cert) };
	char bundle[16384];
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_BYTE identifier[] = { 0x00, 0x11, 0x22,
		0x33 }; /* the issuer's own, see its extensions */
	CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, identifier, sizeof(identifier) } };
	uint64_t ids[4];
	size_t count = 0;

	(void)snprintf(bundle, sizeof(bundle), "%s%s%s", pems[0], pems[1], pems[2]);
	free(pems[1]);
	free(pems[2]);
	assert_int_equal(
		lent_run(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, bytes_of_text(bundle)), CKR_OK);

	CLEANUP(x509) X509 *now = lent_certificate(lent, ID);
	assert_int_equal(X509_cmp(now, cert), 0);
	assert_int_equal(store_find(lent->token.store, wanted, 2, ids, 4, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(store_find(lent->token.store, wanted, 1, ids, 4, &count), CKR_OK);
	assert_int_equal(count, 1);
}

static void key_without_public_half_proves_itself(void **state)
{
	const struct lent *lent = *state;
	CLEANUP(x509) X509 *other = test_template_make(&(struct test_template){ 0 });

	for (int kind = SOFTHSM_P256; kind < SOFTHSM_KEY_KINDS; kind++) {
		CK_BYTE id = (CK_BYTE)(ID + kind);
		CK_OBJECT_HANDLE public_key, key;

		softhsm_generate(lent->softhsm, (enum softhsm_key)kind, id, &public_key, &key);
		CLEANUP(x509) X509 *cert = lent_sign_by_ca(lent, key, NULL);

		assert_int_equal(
			lent->token.functions->C_DestroyObject(lent->token.session, public_key),
			CKR_OK);
		assert_int_equal(lent_run_cert(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, other),
			CKR_IOTHSM_KEY_MISMATCH);
		assert_int_equal(
			lent_run_cert(lent, CKM_IOTHSM_IMPORT_CERTIFICATE, key, cert), CKR_OK);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, lent_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(imported_certificate_takes_the_place_of_the_root),
		TEST(repeated_import_changes_nothing),
		TEST(certificate_of_another_key_is_refused),
		TEST(bundle_keeps_the_issuer_and_leaves_strangers_out),
		TEST(key_without_public_half_proves_itself),
	};

	return cmocka_run_group_tests_name("import", tests, lent_setup, lent_teardown);
}
