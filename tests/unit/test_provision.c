/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioning steps on SoftHSM2: what they leave behind, and that refusals change nothing. */
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

static CK_RV create_unsupported(
	CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	(void)session;
	(void)list;
	(void)count;
	(void)object;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV destroy_nothing(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	(void)session;
	(void)object;
	return CKR_ACTION_PROHIBITED;
}

static void root_takes_the_place_of_the_temporary_certificate(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P384, ID);
	uint64_t history = 0;
	CK_ATTRIBUTE no_id = { CKA_ID, NULL, 0 };

	assert_int_equal(lent_run(lent, CKM_IOTHSM_PREPARE_KEY, key, bytes_of(NULL, 0)), CKR_OK);
	assert_int_equal(lent_self_sign(lent, key), CKR_OK);

	CLEANUP(x509) X509 *cert = lent_certificate(lent, ID);
	assert_false(certificate_is_temporary(cert));
	assert_int_equal(lent_count_data(lent, "iothsm-history", &history), 1);
	assert_int_equal(
		store_get(lent->token.store, history, &no_id, 1), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void certificate_object_has_its_attributes(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE, key = lent_generate(lent, SOFTHSM_P256, ID);
	CK_BYTE id = ID, label[8];
	uint8_t subject[512], serial[64];
	CK_CERTIFICATE_TYPE type = 99;
	CK_BBOOL private = CK_TRUE;
	CK_ATTRIBUTE asked[] = { { CKA_LABEL, label, sizeof(label) },
		{ CKA_SUBJECT, subject, sizeof(subject) },
		{ CKA_SERIAL_NUMBER, serial, sizeof(serial) },
		{ CKA_CERTIFICATE_TYPE, &type, sizeof(type) }, { CKA_PRIVATE, &private, 1 } };

	assert_int_equal(lent_self_sign(lent, key), CKR_OK);
	assert_int_equal(softhsm_count(lent->softhsm, CKO_CERTIFICATE, &id, &object), 1);
	assert_int_equal(lent->token.functions->C_GetAttributeValue(
				 lent->token.session, object, asked, ARRAY_LEN(asked)),
		CKR_OK);

	assert_memory_equal(label, "key", 3);
	assert_int_equal(asked[2].ulValueLen, 22);
	assert_int_equal(type, CKC_X_509);
	assert_false(private);
}

static void wrong_and_expired_templates_change_nothing(void **state)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_IOTHSM_SELF_SIGN, CKM_IOTHSM_CSR };
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509)
	X509 *expired = test_template_make(&(struct test_template){ .lifetime_seconds = -1 });
	size_t before = lent_count_all(lent);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		assert_int_equal(lent_run(lent, types[i], key, bytes_of_text("no certificate")),
			CKR_IOTHSM_TEMPLATE_INVALID);
		assert_int_equal(lent_run(lent, types[i], key, bytes_of(NULL, 0)),
			CKR_IOTHSM_TEMPLATE_INVALID);
		assert_int_equal(
			lent_run_cert(lent, types[i], key, expired), CKR_IOTHSM_TEMPLATE_EXPIRED);
	}
	assert_int_equal(lent_count_all(lent), before);
}

static void create_certificate(const struct lent *lent, CK_BYTE id, const X509 *cert)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE;
	struct bytes der = test_template_der(cert);
	CK_BYTE subject = 0;
	CK_ATTRIBUTE list[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_CERTIFICATE_TYPE, &type, sizeof(type) }, { CKA_ID, &id, 1 },
		{ CKA_TOKEN, &yes, 1 }, { CKA_SUBJECT, &subject, 1 },
		{ CKA_VALUE, (void *)(uintptr_t)der.data, der.len } };
	CK_OBJECT_HANDLE object;

	assert_int_equal(lent->token.functions->C_CreateObject(
				 lent->token.session, list, ARRAY_LEN(list), &object),
		CKR_OK);
	OPENSSL_free((void *)(uintptr_t)der.data);
}

static void certificate_of_another_key_is_never_replaced(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509) X509 *other = test_template_make(&(struct test_template){ 0 });

	create_certificate(lent, ID, other);
	assert_int_equal(lent_self_sign(lent, key), CKR_IOTHSM_KEY_MISMATCH);

	CLEANUP(x509) X509 *still = lent_certificate(lent, ID);
	assert_int_equal(X509_cmp(still, other), 0);
}

static void key_without_public_half_cannot_be_self_signed(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE public_key, key;

	softhsm_generate(lent->softhsm, SOFTHSM_P256, ID, &public_key, &key);
	assert_int_equal(
		lent->token.functions->C_DestroyObject(lent->token.session, public_key), CKR_OK);

	assert_int_equal(lent_self_sign(lent, key), CKR_IOTHSM_NO_KEY);
	assert_int_equal(lent_count_all(lent), 1);
}

static void old_certificate_that_cannot_go_brings_all_back(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);

	assert_int_equal(lent_self_sign(lent, key), CKR_OK);
	CLEANUP(x509) X509 *old = lent_certificate(lent, ID);
	struct lent broken = lent_with_failing(lent);
	uint64_t history;

	lent_failing.C_CreateObject = create_unsupported; /* so the new one goes to the store */
	lent_failing.C_DestroyObject = destroy_nothing;
	size_t before = lent_count_all(lent);

	assert_int_equal(lent_self_sign(&broken, key), CKR_ACTION_PROHIBITED);

	CLEANUP(x509) X509 *still = lent_certificate(lent, ID);
	assert_int_equal(X509_cmp(still, old), 0);
	assert_int_equal(lent_count_data(lent, "iothsm-history", &history), 0);
	assert_int_equal(lent_count_all(lent), before);
}

static void token_without_certificates_uses_the_store(void **state)
{
	struct lent broken = lent_with_failing(*state);
	CK_OBJECT_HANDLE key = lent_generate(*state, SOFTHSM_P256, ID);
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE wanted = { CKA_CLASS, &class, sizeof(class) };
	uint64_t ids[4], history;
	size_t count = 0;

	lent_failing.C_CreateObject = create_unsupported;
	assert_int_equal(lent_run(&broken, CKM_IOTHSM_PREPARE_KEY, key, bytes_of(NULL, 0)), CKR_OK);
	assert_int_equal(lent_run(&broken, CKM_IOTHSM_PREPARE_KEY, key, bytes_of(NULL, 0)),
		CKR_IOTHSM_SLOT_IN_USE);
	assert_int_equal(lent_self_sign(&broken, key), CKR_OK);

	assert_int_equal(
		store_find(broken.token.store, &wanted, 1, ids, ARRAY_LEN(ids), &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(lent_count_data(*state, "iothsm-history", &history), 1);
}

static void request_is_found_under_the_id_of_the_key(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });
	CK_BYTE id = 0;
	char label[8];
	CK_ATTRIBUTE asked[] = { { CKA_ID, &id, 1 }, { CKA_LABEL, label, sizeof(label) } };
	uint64_t request = 0;

	assert_int_equal(lent_run_cert(lent, CKM_IOTHSM_CSR, key, template), CKR_OK);

	assert_int_equal(lent_count_data(lent, "iothsm-csr", &request), 1);
	assert_int_equal(store_get(lent->token.store, request, asked, 2), CKR_OK);
	assert_int_equal(id, ID);
	assert_memory_equal(label, "key", 3);
}

static CK_RV verify(const struct lent *lent, CK_OBJECT_HANDLE key, const X509 *cert)
{
	struct bytes der = test_template_der(cert);
	CK_RV rv = provision_verify(&lent->token, key, der);

	OPENSSL_free((void *)(uintptr_t)der.data);
	return rv;
}

static void verify_form_answers_in_terms_of_pkcs11(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE public_key, key;
	CLEANUP(x509) X509 *other = test_template_make(&(struct test_template){ 0 });

	softhsm_generate(lent->softhsm, SOFTHSM_P256, ID, &public_key, &key);
	CLEANUP(x509) X509 *cert = lent_sign_by_ca(lent, key, NULL);

	assert_int_equal(verify(lent, public_key, other), CKR_SIGNATURE_INVALID);
	assert_int_equal(
		provision_verify(&lent->token, public_key, bytes_of_text("x")), CKR_DATA_INVALID);
	assert_int_equal(verify(lent, public_key, cert), CKR_OK);
	CLEANUP(x509) X509 *now = lent_certificate(lent, ID);
	assert_int_equal(X509_cmp(now, cert), 0);
}

static CK_RV check(
	const struct lent *lent, CK_BYTE id, const X509 *cert, CK_OBJECT_HANDLE *replaced)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	struct bytes der = test_template_der(cert);
	CK_ATTRIBUTE list[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 },
		{ CKA_VALUE, (void *)(uintptr_t)der.data, der.len } };
	struct attributes attributes = { list, ARRAY_LEN(list) };
	CK_RV rv = provision_check_certificate(&lent->token, &attributes, replaced);

	OPENSSL_free((void *)(uintptr_t)der.data);
	return rv;
}

static void written_certificate_is_checked_against_the_key(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE replaced = 99, key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509) X509 *cert = lent_sign_by_ca(lent, key, NULL);
	CLEANUP(x509) X509 *other = test_template_make(&(struct test_template){ 0 });

	assert_int_equal(check(lent, ID, cert, &replaced), CKR_OK);
	assert_int_equal(replaced, CK_INVALID_HANDLE);
	assert_int_equal(check(lent, ID, other, &replaced), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_int_equal(check(lent, ID + 1, other, &replaced), CKR_OK);
}

static void written_certificate_names_the_one_it_replaces(void **state)
{
	const struct lent *lent = *state;
	CK_OBJECT_HANDLE replaced = 99, held, key = lent_generate(lent, SOFTHSM_P256, ID);
	CLEANUP(x509) X509 *cert = lent_sign_by_ca(lent, key, NULL);
	CK_BYTE id = ID;
	uint64_t history;

	assert_int_equal(lent_self_sign(lent, key), CKR_OK);
	assert_int_equal(softhsm_count(lent->softhsm, CKO_CERTIFICATE, &id, &held), 1);
	assert_int_equal(check(lent, ID, cert, &replaced), CKR_OK);

	assert_int_equal(replaced, held);
	assert_int_equal(provision_keep_history(&lent->token, replaced), CKR_OK);
	assert_int_equal(lent_count_data(lent, "iothsm-history", &history), 1);
}

static CK_RV read_only_session(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	(void)session;
	*info = (CK_SESSION_INFO){ .state = CKS_RO_USER_FUNCTIONS };
	return CKR_OK;
}

static CK_RV public_session(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	(void)session;
	*info = (CK_SESSION_INFO){ .state = CKS_RW_PUBLIC_SESSION };
	return CKR_OK;
}

static void missing_rights_are_found_before_anything_is_done(void **state)
{
	struct lent broken = lent_with_failing(*state);
	CK_OBJECT_HANDLE made, key = lent_generate(*state, SOFTHSM_P256, ID);
	size_t before = lent_count_all(*state);
	struct bytes curve = softhsm_key_parameters(SOFTHSM_P256);

	lent_failing.C_GetSessionInfo = read_only_session;
	assert_int_equal(lent_self_sign(&broken, key), CKR_SESSION_READ_ONLY);
	assert_int_equal(lent_prepare(&broken, curve, 0, ID + 1, &made), CKR_SESSION_READ_ONLY);
	lent_failing.C_GetSessionInfo = public_session;
	assert_int_equal(lent_self_sign(&broken, key), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(lent_prepare(&broken, curve, 0, ID + 1, &made), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(lent_count_all(*state), before);
}

static void mechanisms_are_the_four_of_the_header(void **state)
{
	size_t count = 0;
	const struct provision_mechanism *list = provision_mechanisms(&count);

	(void)state;
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(list[i].type, CKM_IOTHSM_PREPARE_KEY + i);
		assert_true(provision_is_mechanism(list[i].type));
		assert_true(list[i].info.flags & CKF_SIGN);
	}
	assert_false(provision_is_mechanism(CKM_IOTHSM_IMPORT_CERTIFICATE + 1));
	assert_int_equal(lent_run(*state, CKM_IOTHSM_IMPORT_CERTIFICATE + 1, 1, bytes_of(NULL, 0)),
		CKR_MECHANISM_INVALID);
}

#define TEST(name) cmocka_unit_test_setup(name, lent_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(root_takes_the_place_of_the_temporary_certificate),
		TEST(certificate_object_has_its_attributes),
		TEST(wrong_and_expired_templates_change_nothing),
		TEST(certificate_of_another_key_is_never_replaced),
		TEST(key_without_public_half_cannot_be_self_signed),
		TEST(old_certificate_that_cannot_go_brings_all_back),
		TEST(token_without_certificates_uses_the_store),
		TEST(request_is_found_under_the_id_of_the_key),
		TEST(verify_form_answers_in_terms_of_pkcs11),
		TEST(written_certificate_is_checked_against_the_key),
		TEST(written_certificate_names_the_one_it_replaces),
		TEST(missing_rights_are_found_before_anything_is_done),
		TEST(mechanisms_are_the_four_of_the_header),
	};

	return cmocka_run_group_tests_name("provision", tests, lent_setup, lent_teardown);
}
