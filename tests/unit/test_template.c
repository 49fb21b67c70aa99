/* SPDX-License-Identifier: Apache-2.0 */
/* What serves as provisioning certificate and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iothsm/iothsm.h>

#include "certificate.h"
#include "cleanup.h"
#include "file.h"
#include "template.h"

#include "support/sample_template.h"

static CK_RV parse(const struct test_template *wanted)
{
	CLEANUP(x509) X509 *cert = test_template_make(wanted);
	CLEANUP(x509) X509 *template = NULL;
	struct bytes der = test_template_der(cert);
	CK_RV rv = template_parse(der, &template);

	OPENSSL_free((void *)(uintptr_t)der.data);
	assert_int_equal(template != NULL, rv == CKR_OK);
	return rv;
}

static void certificate_of_the_platform_is_accepted(void **state)
{
	size_t len;

	(void)state;
	CLEANUP(free)
	char *text =
		file_read(TEST_DATA "/vectors/provision/template.pem", CERTIFICATE_INPUT_MAX, &len);
	CLEANUP(x509) X509 *template = NULL;

	assert_non_null(text);
	assert_int_equal(template_parse(bytes_of(text, len), &template), CKR_OK);
	assert_string_equal(template_digest(template), "SHA512");
}

static void other_inputs_are_invalid(void **state)
{
	static const char *const paths[] = { TEST_DATA "/vectors/provision/csr.pem",
		TEST_DATA "/vectors/keys/leaf.key", TEST_DATA "/vectors/provision/temp_cert.pem" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		size_t len;
		CLEANUP(free) char *text = file_read(paths[i], CERTIFICATE_INPUT_MAX, &len);
		X509 *template = NULL;

		assert_non_null(text);
		assert_int_equal(template_parse(bytes_of(text, len), &template),
			CKR_IOTHSM_TEMPLATE_INVALID);
	}
}

static void empty_subject_is_invalid(void **state)
{
	(void)state;
	assert_int_equal(parse(&(struct test_template){ .empty_subject = true }),
		CKR_IOTHSM_TEMPLATE_INVALID);
}

static void past_end_is_expired(void **state)
{
	(void)state;
	assert_int_equal(parse(&(struct test_template){ .lifetime_seconds = -10 }),
		CKR_IOTHSM_TEMPLATE_EXPIRED);
	assert_int_equal(parse(&(struct test_template){ .lifetime_seconds = 60 }), CKR_OK);
}

static void repeated_extension_is_invalid(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *cert = test_template_make(&(struct test_template){ 0 });
	CLEANUP(pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP(x509) X509 *template = NULL;

	assert_int_equal(X509_add_ext(cert, X509_get_ext(cert, 2), -1), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	struct bytes der = test_template_der(cert);

	assert_int_equal(template_parse(der, &template), CKR_IOTHSM_TEMPLATE_INVALID);
	OPENSSL_free((void *)(uintptr_t)der.data);
}

static void key_identifiers_are_left_out_and_order_is_kept(void **state)
{
	static const int order[] = { NID_key_usage, NID_basic_constraints, NID_name_constraints,
		NID_certificate_policies, NID_info_access, NID_undef };

	(void)state;
	CLEANUP(x509) X509 *cert = test_template_make(&(struct test_template){ 0 });
	STACK_OF(X509_EXTENSION) *list = template_extensions(cert);

	assert_int_equal(sk_X509_EXTENSION_num(list), ARRAY_LEN(order));
	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++)
		assert_int_equal(
			OBJ_obj2nid(X509_EXTENSION_get_object(sk_X509_EXTENSION_value(list, i))),
			order[i]);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate_of_the_platform_is_accepted),
		cmocka_unit_test(other_inputs_are_invalid),
		cmocka_unit_test(empty_subject_is_invalid),
		cmocka_unit_test(past_end_is_expired),
		cmocka_unit_test(repeated_extension_is_invalid),
		cmocka_unit_test(key_identifiers_are_left_out_and_order_is_kept),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
