/* SPDX-License-Identifier: Apache-2.0 */
/* The csr job against certificates that the reference issued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificate.h"
#include "cleanup.h"
#include "json.h"
#include "support/job_case.h"
#include "support/vectors.h"

static X509 *issue_vector(struct job_case *job_case, const char *name)
{
	char file[64];
	size_t len = 0;

	(void)snprintf(file, sizeof(file), "%s.options.json", name);
	CLEANUP(free) char *options = vector_text("ext", file, &len);

	return job_case_issue(job_case, options);
}

static void assert_same_subject(const X509 *cert, const X509 *expected)
{
	const uint8_t *der[2];
	size_t len[2];

	assert_int_equal(X509_NAME_get0_der(X509_get_subject_name(cert), &der[0], &len[0]), 1);
	assert_int_equal(X509_NAME_get0_der(X509_get_subject_name(expected), &der[1], &len[1]), 1);
	assert_int_equal(len[0], len[1]);
	assert_memory_equal(der[0], der[1], len[0]);
}

static void assert_same_extensions(const X509 *cert, const X509 *expected)
{
	assert_int_equal(X509_get_ext_count(cert), X509_get_ext_count(expected));
	for (int i = 0; i < X509_get_ext_count(cert); i++) {
		CLEANUP(openssl) uint8_t *der = NULL;
		CLEANUP(openssl) uint8_t *expected_der = NULL;
		int len = i2d_X509_EXTENSION(X509_get_ext(cert, i), &der);

		assert_int_equal(i2d_X509_EXTENSION(X509_get_ext(expected, i), &expected_der), len);
		assert_memory_equal(der, expected_der, (size_t)len);
	}
}

static void assert_same_length_of_life(const X509 *cert, const X509 *expected)
{
	int days[2];
	int seconds[2];

	assert_int_equal(ASN1_TIME_diff(&days[0], &seconds[0], X509_get0_notBefore(cert),
				 X509_get0_notAfter(cert)),
		1);
	assert_int_equal(ASN1_TIME_diff(&days[1], &seconds[1], X509_get0_notBefore(expected),
				 X509_get0_notAfter(expected)),
		1);
	assert_int_equal(days[0], days[1]);
	assert_int_equal(seconds[0], seconds[1]);
}

static void assert_equals_vector(struct job_case *job_case, const char *name)
{
	char file[64];
	CLEANUP(x509) X509 *cert = issue_vector(job_case, name);

	(void)snprintf(file, sizeof(file), "%s.pem", name);
	CLEANUP(x509) X509 *expected = vector_cert("ext", file);

	assert_same_subject(cert, expected);
	assert_same_extensions(cert, expected);
	assert_same_length_of_life(cert, expected);
	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	assert_int_equal(X509_get_signature_nid(cert), NID_sha256WithRSAEncryption);
}

static void all_options_give_the_reference_certificate(void **state)
{
	assert_equals_vector(*state, "all");
}

static void no_options_but_days_give_the_reference_certificate(void **state)
{
	assert_equals_vector(*state, "none");
}

static void null_subject_gives_the_reference_certificate(void **state)
{
	assert_equals_vector(*state, "nullsubject");
}

static void backslash_and_double_space_are_kept(void **state)
{
	CLEANUP(x509) X509 *cert = issue_vector(*state, "space2");
	CLEANUP(x509) X509 *expected = vector_cert("ext", "space2.pem");

	assert_same_extensions(cert, expected);
	job_case_assert_subject(cert, "O=back\\\\slash,CN=two  spaces");
}

static X509 *run_recorded(struct job_case *job_case, const char *run)
{
	CLEANUP(json) json_t *plain = vector_json(run, "12_csr_request_plain.json");
	CLEANUP(free) char *request = json_print(json_object_get(plain, "request"));
	CLEANUP(free) char *text = job_case_run(job_case, "csr", request);

	assert_int_equal(strncmp(text, "-----BEGIN CERTIFICATE-----\n", 28), 0);
	assert_string_equal(text + strlen(text) - 26, "-----END CERTIFICATE-----\n");
	return certificate_parse(NULL, bytes_of_text(text));
}

static void assert_recorded_run(struct job_case *job_case, const char *run, int signature_nid)
{
	CLEANUP(x509) X509 *cert = run_recorded(job_case, run);
	CLEANUP(json) json_t *answer = vector_json(run, "13_csr_response_plain.json");
	CLEANUP(x509)
	X509 *expected = certificate_parse(NULL, bytes_of_text(json_text(answer, "message")));

	assert_same_subject(cert, expected);
	assert_same_extensions(cert, expected);
	assert_same_length_of_life(cert, expected);
	assert_int_equal(X509_get_signature_nid(cert), signature_nid);
}

static void recorded_rsa_run_gives_its_certificate_with_the_asked_hash(void **state)
{
	assert_recorded_run(*state, "run_rsa", NID_sha384WithRSAEncryption);
}

static void recorded_ec_run_gives_its_certificate_with_the_asked_hash(void **state)
{
	assert_recorded_run(*state, "run_ec", NID_ecdsa_with_SHA384);
}

static void token_key_signs_what_the_software_key_would(void **state)
{
	assert_equals_vector(*state, "all");
}

static void ec_token_key_signs(void **state)
{
	CLEANUP(x509) X509 *cert = job_case_issue(*state, "{\"days\":1}");

	assert_int_equal(X509_get_signature_nid(cert), NID_ecdsa_with_SHA256);
}

static void token_that_is_gone_is_named_as_the_cause(void **state)
{
	static const char cause[] =
		"The CA key could not sign: the token answered 0x32; check the token";

	job_case_assert_refused(*state, "{}", cause);
	job_case_assert_fails(*state, "crl", "{\"days\":1,\"database\":\"\"}", cause);
	job_case_assert_fails(*state, "cms", "{\"options\":{\"data\":\"a\"}}", cause);
}

static void ed25519_ca_signs_without_a_hash(void **state)
{
	CLEANUP(x509) X509 *cert = job_case_issue(*state, "{\"hash\":\"sha256\"}");

	assert_int_equal(X509_get_signature_nid(cert), NID_ED25519);
}

static void curve_suggests_the_hash_and_the_request_decides(void **state)
{
	static const struct {
		const char *options;
		int signature_nid;
	} asked[] = {
		{ "{}", NID_ecdsa_with_SHA384 },
		{ "{\"hash\":\"sha1\"}", NID_ecdsa_with_SHA384 },
		{ "{\"hash\":\"sha256\"}", NID_ecdsa_with_SHA256 },
		{ "{\"hash\":\"SHA512\"}", NID_ecdsa_with_SHA512 },
	};

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		CLEANUP(x509) X509 *cert = job_case_issue(*state, asked[i].options);

		assert_int_equal(X509_get_signature_nid(cert), asked[i].signature_nid);
	}
}

static void weak_hash_is_never_used(void **state)
{
	CLEANUP(x509) X509 *cert = job_case_issue(*state, "{\"hash\":\"sha1\"}");

	assert_int_equal(X509_get_signature_nid(cert), NID_sha256WithRSAEncryption);
}

static void serials_are_random_and_of_twenty_bytes(void **state)
{
	CLEANUP(x509) X509 *first = job_case_issue(*state, "{}");
	CLEANUP(x509) X509 *second = job_case_issue(*state, "{}");

	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(first)), 20);
	assert_int_not_equal(
		ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)), 0);
}

static void assert_time(const ASN1_TIME *time, int type, const char *text)
{
	assert_int_equal(ASN1_STRING_type(time), type);
	assert_int_equal(ASN1_STRING_length(time), strlen(text));
	assert_memory_equal(ASN1_STRING_get0_data(time), text, strlen(text));
}

static void falsy_options_take_subject_and_a_year_from_the_request(void **state)
{
	CLEANUP(x509) X509 *cert = job_case_issue(*state, "false");

	job_case_assert_subject(cert, "CN=leaf.example.com");
	assert_time(X509_get0_notBefore(cert), V_ASN1_UTCTIME, "261123153700Z");
	assert_time(X509_get0_notAfter(cert), V_ASN1_UTCTIME, "271123153700Z");
	assert_int_equal(X509_get_ext_count(cert), 2);
}

static void falsy_options_take_known_extensions_of_the_request(void **state)
{
	static const char text[] = "-----BEGIN CERTIFICATE REQUEST-----";
	size_t len = 0;
	CLEANUP(free) char *csr = vector_text("provision", "csr.pem", &len);
	CLEANUP(json) json_t *request = json_pack("{s:s, s:n}", "csr", csr, "options");
	struct job_case *job_case = *state;
	struct job_result result;

	assert_non_null(strstr(csr, text));
	job_run(&job_case->ca, "csr", request, &result);
	assert_string_equal(result.cause, "");
	CLEANUP(free) char *pem = result.text;
	CLEANUP(x509) X509 *cert = certificate_parse(NULL, bytes_of_text(pem));

	assert_true(X509_get_ext_count(cert) > 2);
	job_case_assert_extension(cert, "basicConstraints", "critical 30060101ff020100");
}

static void given_options_never_copy_extensions_of_the_request(void **state)
{
	size_t len = 0;
	CLEANUP(free) char *csr = vector_text("provision", "csr.pem", &len);
	CLEANUP(json) json_t *request = json_pack("{s:s, s:{}}", "csr", csr, "options");
	struct job_case *job_case = *state;
	struct job_result result;

	job_run(&job_case->ca, "csr", request, &result);
	CLEANUP(free) char *pem = result.text;
	CLEANUP(x509) X509 *cert = certificate_parse(NULL, bytes_of_text(pem));

	assert_int_equal(X509_get_ext_count(cert), 2);
}

static void start_and_end_win_over_days(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state, "{\"days\":5,\"startdate\":\"2049-12-31T23:59:59Z\","
					    "\"enddate\":\"2050-01-01T00:00:00.000Z\"}");

	assert_time(X509_get0_notBefore(cert), V_ASN1_UTCTIME, "491231235959Z");
	assert_time(X509_get0_notAfter(cert), V_ASN1_GENERALIZEDTIME, "20500101000000Z");
}

static void missing_end_is_now(void **state)
{
	CLEANUP(x509)
	X509 *cert = job_case_issue(*state, "{\"startdate\":\"2026-01-01T00:00:00Z\"}");

	assert_time(X509_get0_notBefore(cert), V_ASN1_UTCTIME, "260101000000Z");
	assert_time(X509_get0_notAfter(cert), V_ASN1_UTCTIME, "261123153700Z");
}

static void bad_dates_and_days_are_refused(void **state)
{
	job_case_assert_refused(
		*state, "{\"startdate\":\"yesterday\"}", "Invalid startdate: yesterday");
	job_case_assert_refused(*state, "{\"startdate\":5}", "Invalid startdate: must be a text");
	job_case_assert_refused(*state, "{\"startdate\":\"2027-01-01T00:00:00Z\"}",
		"Invalid enddate: lies before startdate");
	job_case_assert_refused(*state, "{\"days\":\"5\"}", "Invalid days: must be a whole number");
	job_case_assert_refused(*state, "{\"days\":1.5}", "Invalid days: must be a whole number");
	job_case_assert_refused(*state, "{\"days\":0}", "Invalid days: must be 1 to 36525");
	job_case_assert_refused(*state, "{\"days\":1e300}", "Invalid days: must be a whole number");
	job_case_assert_refused(*state, "[1]", "Invalid options: must be an object");
}

static void request_with_a_broken_signature_is_refused(void **state)
{
	size_t len = 0;
	CLEANUP(free) char *csr = vector_text("keys", "leaf.csr", &len);
	char *last = strstr(csr, "\n-----END") - 8;
	CLEANUP(json) json_t *request = NULL;
	CLEANUP(free) char *text = NULL;

	*last = *last == 'A' ? 'B' : 'A';
	request = json_pack("{s:s, s:{}}", "csr", csr, "options");
	text = json_print(request);
	job_case_assert_fails(*state, "csr", text, "Invalid csr: its signature does not verify");
}

static void malformed_requests_are_refused(void **state)
{
	job_case_assert_fails(*state, "csr", "{}", "Invalid csr: must be a text");
	job_case_assert_fails(*state, "csr", "{\"csr\":null}", "Invalid csr: must be a text");
	job_case_assert_fails(*state, "csr", "{\"csr\":\"-----BEGIN CERTIFICATE-----\"}",
		"Invalid csr: not a PEM certificate request");
	job_case_assert_fails(*state, "csr",
		"{\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\\nProc-Type: 4,ENCRYPTED\\n"
		"DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\\n\\nMIIB\\n"
		"-----END CERTIFICATE REQUEST-----\\n\"}",
		"Invalid csr: not a PEM certificate request");
}

static void ca_key_that_does_not_fit_its_certificate_issues_nothing(void **state)
{
	struct job_case *job_case = *state;

	EVP_PKEY_free(job_case->ca.key);
	job_case->ca.key = vector_key("keys", "leaf.key");
	job_case_assert_refused(job_case, "{}",
		"The new signature does not verify with the CA's certificate; nothing was issued");
}

#define WITH(setup, test)                                                                          \
	cmocka_unit_test_setup_teardown(test, job_case_setup_##setup, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(rsa, all_options_give_the_reference_certificate),
		WITH(rsa, no_options_but_days_give_the_reference_certificate),
		WITH(rsa, null_subject_gives_the_reference_certificate),
		WITH(rsa, backslash_and_double_space_are_kept),
		WITH(rsa, recorded_rsa_run_gives_its_certificate_with_the_asked_hash),
		WITH(ec, recorded_ec_run_gives_its_certificate_with_the_asked_hash),
		WITH(rsa_token, token_key_signs_what_the_software_key_would),
		WITH(ec_token, ec_token_key_signs),
		WITH(rsa_token, recorded_rsa_run_gives_its_certificate_with_the_asked_hash),
		WITH(ec_token, recorded_ec_run_gives_its_certificate_with_the_asked_hash),
		WITH(removed_token, token_that_is_gone_is_named_as_the_cause),
		WITH(ed25519, ed25519_ca_signs_without_a_hash),
		WITH(p384, curve_suggests_the_hash_and_the_request_decides),
		WITH(rsa, weak_hash_is_never_used),
		WITH(ec, serials_are_random_and_of_twenty_bytes),
		WITH(rsa, falsy_options_take_subject_and_a_year_from_the_request),
		WITH(ec, falsy_options_take_known_extensions_of_the_request),
		WITH(ec, given_options_never_copy_extensions_of_the_request),
		WITH(ec, start_and_end_win_over_days),
		WITH(ec, missing_end_is_now),
		WITH(ec, bad_dates_and_days_are_refused),
		WITH(ec, request_with_a_broken_signature_is_refused),
		WITH(ec, malformed_requests_are_refused),
		WITH(rsa, ca_key_that_does_not_fit_its_certificate_issues_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
