/* SPDX-License-Identifier: Apache-2.0 */
/* The channel's ephemeral certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "support/job_case.h"
#include "support/vectors.h"

static X509 *issue(struct job_case *job_case)
{
	CLEANUP(pkey) EVP_PKEY *key = vector_key("run_rsa", "ephemeral_key.pem");
	X509 *cert = job_issue_ephemeral(&job_case->ca, key);

	assert_non_null(cert);
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(job_case->ca.cert)), 1);
	return cert;
}

static void profile_equals_the_recorded_certificate(void **state)
{
	CLEANUP(x509) X509 *cert = issue(*state);
	CLEANUP(x509) X509 *expected = vector_cert("run_rsa", "01_ephemeral_cert.pem");

	assert_int_equal(X509_get_ext_count(cert), X509_get_ext_count(expected));
	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		CLEANUP(openssl) uint8_t *der = NULL;
		CLEANUP(openssl) uint8_t *expected_der = NULL;
		int len = i2d_X509_EXTENSION(X509_get_ext(cert, i), &der);

		assert_int_equal(i2d_X509_EXTENSION(X509_get_ext(expected, i), &expected_der), len);
		assert_memory_equal(der, expected_der, (size_t)len);
	}
	job_case_assert_subject(cert, "CN=IoT HSM SMIME Cert for PKIaaS.io Validation");
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(cert)), 20);
	assert_int_equal(X509_get_signature_nid(cert), NID_sha256WithRSAEncryption);
	assert_memory_equal(ASN1_STRING_get0_data(X509_get0_notBefore(cert)), "261123153200Z", 13);
	assert_memory_equal(ASN1_STRING_get0_data(X509_get0_notAfter(cert)), "261123154700Z", 13);
}

static void own_and_recorded_certificates_are_recognised(void **state)
{
	CLEANUP(x509) X509 *cert = issue(*state);
	CLEANUP(x509) X509 *recorded = vector_cert("run_rsa", "01_ephemeral_cert.pem");

	assert_true(job_is_ephemeral(cert, VECTOR_TIME_S));
	assert_true(job_is_ephemeral(recorded, VECTOR_TIME_S));
}

static void certificate_outside_its_time_is_not_ephemeral(void **state)
{
	CLEANUP(x509) X509 *cert = issue(*state);

	assert_true(job_is_ephemeral(cert, VECTOR_TIME_S + 600));
	assert_false(job_is_ephemeral(cert, VECTOR_TIME_S + 601));
	assert_false(job_is_ephemeral(cert, VECTOR_TIME_S - 301));
}

static void other_profiles_are_not_ephemeral(void **state)
{
	CLEANUP(x509) X509 *platform = vector_cert("keys", "platform_smime.pem");
	CLEANUP(x509)
	X509 *longer = job_case_issue(*state,
		"{\"days\":1,\"subject\":{\"commonName\":\"IoT HSM SMIME Cert for PKIaaS.io "
		"Validation\"},"
		"\"extensions\":{\"keyUsage\":{\"critical\":true,\"usages\":[\"digitalSignature\","
		"\"keyEncipherment\",\"dataEncipherment\"]},\"extendedKeyUsage\":{\"critical\":"
		"true,"
		"\"usages\":[\"emailProtection\"]}}}");

	assert_false(job_is_ephemeral(platform, VECTOR_TIME_S));
	assert_false(job_is_ephemeral(longer, VECTOR_TIME_S));
}

static void extension_or_name_beyond_the_profile_is_noticed(void **state)
{
#define SHORT "\"startdate\":\"2026-11-23T15:36:00Z\",\"enddate\":\"2026-11-23T15:40:00Z\","
#define USAGES                                                                                     \
	"\"keyUsage\":{\"critical\":true,\"usages\":[\"digitalSignature\",\"keyEncipherment\","    \
	"\"dataEncipherment\"]},\"extendedKeyUsage\":{\"critical\":true,\"usages\":["              \
	"\"emailProtection\"]}"
#define NAME "\"commonName\":\"IoT HSM SMIME Cert for PKIaaS.io Validation\""
	CLEANUP(x509)
	X509 *exact = job_case_issue(
		*state, "{" SHORT "\"subject\":{" NAME "},\"extensions\":{" USAGES "}}");
	CLEANUP(x509)
	X509 *extended =
		job_case_issue(*state, "{" SHORT "\"subject\":{" NAME "},\"extensions\":{" USAGES
				       ",\"basicConstraints\":{\"CA\":true}}}");
	CLEANUP(x509)
	X509 *named =
		job_case_issue(*state, "{" SHORT "\"subject\":{" NAME
				       ",\"countryName\":\"US\"},\"extensions\":{" USAGES "}}");

	assert_true(job_is_ephemeral(exact, VECTOR_TIME_S));
	assert_false(job_is_ephemeral(extended, VECTOR_TIME_S));
	assert_false(job_is_ephemeral(named, VECTOR_TIME_S));
}

static void key_that_cannot_sign_gives_no_certificate(void **state)
{
	struct job_case *job_case = *state;
	CLEANUP(pkey) EVP_PKEY *key = vector_key("run_rsa", "ephemeral_key.pem");

	EVP_PKEY_free(job_case->ca.key);
	job_case->ca.key = X509_get_pubkey(job_case->ca.cert);
	assert_null(job_issue_ephemeral(&job_case->ca, key));
}

#define WITH(setup, test)                                                                          \
	cmocka_unit_test_setup_teardown(test, job_case_setup_##setup, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(rsa, profile_equals_the_recorded_certificate),
		WITH(rsa_token, profile_equals_the_recorded_certificate),
		WITH(ec, own_and_recorded_certificates_are_recognised),
		WITH(ec_token, own_and_recorded_certificates_are_recognised),
		WITH(ed25519, certificate_outside_its_time_is_not_ephemeral),
		WITH(ec, other_profiles_are_not_ephemeral),
		WITH(ec, extension_or_name_beyond_the_profile_is_noticed),
		WITH(rsa, key_that_cannot_sign_gives_no_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
