/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#10 requests: the template's subject and extensions, verified, one kept per key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "request.h"
#include "support/lent.h"
#include "support/sample_template.h"
#include "template.h"

static X509_REQ *make(const struct subject *subject, const struct test_template *wanted)
{
	CLEANUP(x509) X509 *template = test_template_make(wanted);
	CLEANUP(openssl) uint8_t *der = NULL;
	size_t len = 0;

	assert_int_equal(request_make(subject, template, &der, &len), CKR_OK);
	const unsigned char *next = der;
	X509_REQ *request = d2i_X509_REQ(NULL, &next, (long)len);

	assert_non_null(request);
	assert_ptr_equal(next, der + len);
	return request;
}

static void request_of_every_key_verifies(void **state)
{
	const struct lent *lent = *state;

	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		struct subject subject;
		CK_OBJECT_HANDLE key =
			lent_generate(lent, (enum softhsm_key)kind, (CK_BYTE)(kind + 1));

		assert_int_equal(subject_open(&subject, &lent->token, key), CKR_OK);
		CLEANUP(x509_req) X509_REQ *request = make(&subject, &(struct test_template){ 0 });

		assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
		assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(request), subject.public_key), 1);
		assert_int_equal(X509_REQ_get_version(request), X509_REQ_VERSION_1);
		subject_close(&subject);
	}
}

static void extensions_are_requested_as_the_template_has_them(void **state)
{
	const struct lent *lent = *state;
	struct subject subject;

	assert_int_equal(
		subject_open(&subject, &lent->token, lent_generate(lent, SOFTHSM_P256, 1)), CKR_OK);
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });
	CLEANUP(x509_req) X509_REQ *request = make(&subject, &(struct test_template){ 0 });
	STACK_OF(X509_EXTENSION) *wanted = template_extensions(template);
	STACK_OF(X509_EXTENSION) *made = X509_REQ_get_extensions(request);

	assert_int_equal(sk_X509_EXTENSION_num(made), sk_X509_EXTENSION_num(wanted));
	for (int i = 0; i < sk_X509_EXTENSION_num(made); i++) {
		CLEANUP(openssl) unsigned char *a = NULL;
		CLEANUP(openssl) unsigned char *b = NULL;
		int a_len = i2d_X509_EXTENSION(sk_X509_EXTENSION_value(made, i), &a);
		int b_len = i2d_X509_EXTENSION(sk_X509_EXTENSION_value(wanted, i), &b);

		assert_int_equal(a_len, b_len);
		assert_memory_equal(a, b, (size_t)a_len);
	}
	assert_int_equal(
		X509_NAME_cmp(X509_REQ_get_subject_name(request), X509_get_subject_name(template)),
		0);
	sk_X509_EXTENSION_pop_free(wanted, X509_EXTENSION_free);
	sk_X509_EXTENSION_pop_free(made, X509_EXTENSION_free);
	subject_close(&subject);
}

static void template_without_extensions_asks_for_none(void **state)
{
	const struct lent *lent = *state;
	struct subject subject;

	assert_int_equal(
		subject_open(&subject, &lent->token, lent_generate(lent, SOFTHSM_P256, 1)), CKR_OK);
	CLEANUP(x509_req)
	X509_REQ *request = make(&subject, &(struct test_template){ .no_extensions = true });

	assert_int_equal(X509_REQ_get_attr_count(request), 0);
	subject_close(&subject);
}

static void newer_request_takes_the_place_of_the_older(void **state)
{
	const struct lent *lent = *state;
	struct subject one, other;
	uint64_t id = 0;
	char value[8];
	CK_ATTRIBUTE asked = { CKA_VALUE, value, sizeof(value) };

	assert_int_equal(
		subject_open(&one, &lent->token, lent_generate(lent, SOFTHSM_P256, 1)), CKR_OK);
	assert_int_equal(
		subject_open(&other, &lent->token, lent_generate(lent, SOFTHSM_P256, 2)), CKR_OK);
	assert_int_equal(request_keep(&other, bytes_of_text("other")), CKR_OK);
	assert_int_equal(request_keep(&one, bytes_of_text("old")), CKR_OK);
	assert_int_equal(request_keep(&one, bytes_of_text("new")), CKR_OK);

	assert_int_equal(lent_count_data(lent, "iothsm-csr", &id), 2);
	assert_int_equal(store_get(lent->token.store, id, &asked, 1), CKR_OK);
	assert_memory_equal(value, "new", 3);
	subject_close(&one);
	subject_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(request_of_every_key_verifies, lent_clear),
		cmocka_unit_test_setup(
			extensions_are_requested_as_the_template_has_them, lent_clear),
		cmocka_unit_test_setup(template_without_extensions_asks_for_none, lent_clear),
		cmocka_unit_test_setup(newer_request_takes_the_place_of_the_older, lent_clear),
	};

	return cmocka_run_group_tests_name("request", tests, lent_setup, lent_teardown);
}
