/* SPDX-License-Identifier: Apache-2.0 */
/* Self-signed certificates: the template's subject, end and extensions, unchanged, for every key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "certificate.h"
#include "cleanup.h"
#include "issue.h"
#include "support/lent.h"
#include "support/sample_template.h"

static struct subject subjects[SOFTHSM_KEY_KINDS];

static int setup(void **state)
{
	if (lent_setup(state) != 0)
		return -1;
	const struct lent *lent = *state;

	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CK_OBJECT_HANDLE key =
			lent_generate(lent, (enum softhsm_key)kind, (CK_BYTE)(kind + 1));

		if (subject_open(&subjects[kind], &lent->token, key) != CKR_OK)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++)
		subject_close(&subjects[kind]);
	return lent_teardown(state);
}

static X509 *issue(enum softhsm_key kind, X509 *template)
{
	X509 *cert = NULL;

	assert_int_equal(issue_root(&subjects[kind], template, &cert), CKR_OK);
	return cert;
}

static void root_of_every_key_verifies(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });

	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CLEANUP(x509) X509 *cert = issue((enum softhsm_key)kind, template);

		assert_int_equal(X509_verify(cert, subjects[kind].public_key), 1);
		assert_int_equal(X509_get_version(cert), X509_VERSION_3);
		assert_int_equal(X509_self_signed(cert, 1), 1);
	}
}

static void name_der(const X509_NAME *name, struct bytes *der)
{
	const unsigned char *data;
	size_t len;

	assert_int_equal(X509_NAME_get0_der(name, &data, &len), 1);
	*der = bytes_of(data, len);
}

static void subject_is_the_template_byte_for_byte(void **state)
{
	struct bytes wanted, subject, issuer;

	(void)state;
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });
	CLEANUP(x509) X509 *cert = issue(SOFTHSM_P256, template);

	name_der(X509_get_subject_name(template), &wanted);
	name_der(X509_get_subject_name(cert), &subject);
	name_der(X509_get_issuer_name(cert), &issuer);
	assert_true(bytes_equal(subject, wanted));
	assert_true(bytes_equal(issuer, wanted));
}

static void validity_is_from_now_to_the_end_of_the_template(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });
	CLEANUP(x509) X509 *cert = issue(SOFTHSM_P256, template);
	int days = 0, seconds = 0;

	assert_int_equal(
		ASN1_STRING_cmp(X509_get0_notAfter(cert), X509_get0_notAfter(template)), 0);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), NULL), 1);
	assert_int_equal(days, 0);
	assert_in_range(seconds, 0, 60);
}

/* SKI and AKI first, then the template's in its order, but for its own SKI. */
static void extensions_are_the_template_in_its_order(void **state)
{
	static const int from[] = { 0, 2, 3, 4, 5, 6 };

	(void)state;
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });
	CLEANUP(x509) X509 *cert = issue(SOFTHSM_P256, template);

	assert_int_equal(X509_get_ext_count(cert), 2 + ARRAY_LEN(from));
	assert_int_equal(X509_get_ext_by_NID(cert, NID_subject_key_identifier, -1), 0);
	assert_int_equal(X509_get_ext_by_NID(cert, NID_authority_key_identifier, -1), 1);
	for (size_t i = 0; i < ARRAY_LEN(from); i++) {
		CLEANUP(openssl) unsigned char *wanted = NULL;
		CLEANUP(openssl) unsigned char *made = NULL;
		int wanted_len = i2d_X509_EXTENSION(X509_get_ext(template, from[i]), &wanted);
		int made_len = i2d_X509_EXTENSION(X509_get_ext(cert, (int)i + 2), &made);

		assert_int_equal(made_len, wanted_len);
		assert_memory_equal(made, wanted, (size_t)made_len);
	}
}

static void hash_follows_key_and_template(void **state)
{
	static const struct {
		enum softhsm_key kind;
		const char *template;
		int signature;
	} known[] = {
		{ SOFTHSM_RSA_2048, "SHA512", NID_sha512WithRSAEncryption },
		{ SOFTHSM_RSA_2048, "SHA1", NID_sha256WithRSAEncryption },
		{ SOFTHSM_P256, "SHA384", NID_ecdsa_with_SHA384 },
		{ SOFTHSM_P384, "SHA256", NID_ecdsa_with_SHA384 },
		{ SOFTHSM_P521, "SHA256", NID_ecdsa_with_SHA512 },
		{ SOFTHSM_ED25519, "SHA256", NID_ED25519 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		CLEANUP(x509)
		X509 *template =
			test_template_make(&(struct test_template){ .digest = known[i].template });
		CLEANUP(x509) X509 *cert = issue(known[i].kind, template);

		assert_int_equal(X509_get_signature_nid(cert), known[i].signature);
	}
}

static void serials_differ_and_have_twenty_octets(void **state)
{
	char first[64], second[64];

	(void)state;
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });
	CLEANUP(x509) X509 *one = issue(SOFTHSM_P256, template);
	CLEANUP(x509) X509 *two = issue(SOFTHSM_P256, template);

	assert_true(certificate_serial_hex(one, first) && certificate_serial_hex(two, second));
	assert_int_equal(strlen(first), 40);
	assert_string_not_equal(first, second);
}

static void temporary_certificate_has_its_fixed_form(void **state)
{
	(void)state;
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CLEANUP(x509) X509 *cert = NULL;
		int days = 0, seconds = 0;

		assert_int_equal(issue_temporary(&subjects[kind], &cert), CKR_OK);

		char *name = X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0);
		assert_string_equal(name, "/C=US/CN=TEMPORARY CERT FOR KEY IMPORT");
		OPENSSL_free(name);
		assert_true(certificate_is_temporary(cert));
		assert_int_equal(X509_get_ext_count(cert), 2);
		assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert),
					 X509_get0_notAfter(cert)),
			1);
		assert_int_equal(days, 365);
		assert_int_equal(X509_verify(cert, subjects[kind].public_key), 1);
	}
}

/* A public key object that does not belong to the private one must not end in a certificate. */
static void signature_of_another_key_is_noticed(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *template = test_template_make(&(struct test_template){ 0 });
	CLEANUP(pkey) EVP_PKEY *other = EVP_PKEY_Q_keygen(key_library(), NULL, "EC", "P-256");
	struct key_signer signer = { key_sign_in_session, &subjects[SOFTHSM_P256].session };
	CLEANUP(pkey) EVP_PKEY *wrong = key_new(other, &signer);
	struct subject broken = subjects[SOFTHSM_P256];
	X509 *cert = NULL;

	broken.public_key = other;
	broken.key = wrong;
	assert_int_equal(issue_root(&broken, template, &cert), CKR_IOTHSM_KEY_MISMATCH);
	assert_null(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_of_every_key_verifies),
		cmocka_unit_test(subject_is_the_template_byte_for_byte),
		cmocka_unit_test(validity_is_from_now_to_the_end_of_the_template),
		cmocka_unit_test(extensions_are_the_template_in_its_order),
		cmocka_unit_test(hash_follows_key_and_template),
		cmocka_unit_test(serials_differ_and_have_twenty_octets),
		cmocka_unit_test(temporary_certificate_has_its_fixed_form),
		cmocka_unit_test(signature_of_another_key_is_noticed),
	};

	return cmocka_run_group_tests_name("issue", tests, setup, teardown);
}
