/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in's checks against recorded products, right and wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check.h"
#include "cleanup.h"
#include "json.h"
#include "support/vectors.h"

static const char *check_vector(const char *name, json_t *options, const char *pem_name)
{
	char file[64];
	size_t len = 0;
	CLEANUP(x509) X509 *ca = vector_cert("keys", "hsmca_rsa.pem");
	CLEANUP(free) char *csr = vector_text("keys", "leaf.csr", &len);

	(void)snprintf(file, sizeof(file), "%s.pem", pem_name);
	CLEANUP(free) char *pem = vector_text("ext", file, &len);
	(void)snprintf(file, sizeof(file), "%s.options.json", name);
	CLEANUP(json)
	json_t *request = json_pack(
		"{s:s, s:o}", "csr", csr, "options", options ? options : vector_json("ext", file));
	CLEANUP(x509) X509 *cert = vector_cert("ext", "none.pem");
	struct tm issued;

	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(cert), &issued), 1);
	const struct check_job job = { ca, request, pem, timegm(&issued) };

	return check_product("csr", &job);
}

static void recorded_certificates_are_what_their_options_ask_for(void **state)
{
	static const char *const names[] = { "all", "none", "nullsubject" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_null(check_vector(names[i], NULL, names[i]));
}

static void backslash_that_the_reference_lost_is_missed(void **state)
{
	(void)state;
	assert_string_equal(
		check_vector("space2", NULL, "space2"), "certificate: not the wanted subject");
}

static void every_changed_option_is_missed(void **state)
{
	static const struct {
		const char *change;
		const char *fault;
	} cases[] = {
		{ "{\"hash\":\"sha512\"}", "certificate: not the wanted digest" },
		{ "{\"enddate\":\"2028-01-03T03:04:05.000Z\"}",
			"certificate: not the wanted validity" },
		{ "{\"subject\":null}", "certificate: not the wanted subject" },
		{ "{\"extensions\":{}}", "certificate: not the wanted extensions" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(json) json_t *change = json_parse(bytes_of_text(cases[i].change));
		json_t *options = vector_json("ext", "all.options.json");

		assert_int_equal(json_object_update(options, change), 0);
		assert_string_equal(check_vector("all", options, "all"), cases[i].fault);
	}
}

static void every_changed_extension_is_missed(void **state)
{
	CLEANUP(json) json_t *all = vector_json("ext", "all.options.json");
	const char *key;
	const json_t *value;

	(void)state;
	json_object_foreach(json_object_get(all, "extensions"), key, value)
	{
		json_t *options = json_deep_copy(all);

		assert_int_equal(json_object_del(json_object_get(options, "extensions"), key), 0);
		assert_string_equal(check_vector("all", options, "all"),
			"certificate: not the wanted extensions");
	}
}

static const char *check_recorded_job(const char *run, const char *ca_name, const char *signtype,
	const char *request_name, const char *result_name)
{
	CLEANUP(json) json_t *content = vector_json(run, request_name);
	CLEANUP(json) json_t *result = vector_json(run, result_name);
	CLEANUP(x509) X509 *ca = vector_cert("keys", ca_name);
	const struct check_job job = { ca, json_object_get(content, "request"),
		json_text(result, "message"), VECTOR_TIME_S };

	return check_product(signtype, &job);
}

/* The reference ignores the wanted hash, makes CRLs without extensions and drops options of cms
 * jobs. */
static void known_faults_of_the_reference_are_found(void **state)
{
	(void)state;
	assert_string_equal(check_recorded_job("run_rsa", "hsmca_rsa.pem", "csr",
				    "12_csr_request_plain.json", "13_csr_response_plain.json"),
		"certificate: not the wanted digest");
	assert_string_equal(check_recorded_job("run_ec", "hsmca_ec.pem", "crl",
				    "22_crl_request_plain.json", "30_delivercrl_plain.json"),
		"CRL: not version 2 with cRLNumber and authorityKeyIdentifier");
	assert_string_equal(check_recorded_job("run_ec", "hsmca_ec.pem", "cms",
				    "42_cms_request_plain.json", "43_cms_response_plain.json"),
		"CMS: not the wanted content type");
}

static void product_of_another_ca_is_found(void **state)
{
	(void)state;
	assert_string_equal(check_recorded_job("run_rsa", "hsmca_ec.pem", "csr",
				    "12_csr_request_plain.json", "13_csr_response_plain.json"),
		"certificate: not signed by the CA");
	assert_string_equal(check_recorded_job("run_rsa", "hsmca_ec.pem", "crl",
				    "22_crl_request_plain.json", "30_delivercrl_plain.json"),
		"CRL: not signed by the CA");
	assert_string_equal(check_recorded_job("run_rsa", "hsmca_ec.pem", "cms",
				    "42_cms_request_plain.json", "43_cms_response_plain.json"),
		"CMS: signature, signer or content is wrong");
}

static void text_around_a_pem_block_is_found(void **state)
{
	static const char block[] = "-----BEGIN CMS-----\nAA==\n-----END CMS-----\n";

	(void)state;
	assert_true(check_is_one_pem(block, "CMS"));
	assert_false(check_is_one_pem(block + 1, "CMS"));
	assert_false(check_is_one_pem(block, "X509 CRL"));
	assert_false(check_is_one_pem("-----BEGIN CMS-----\nAA==\n-----END CMS-----\n\n", "CMS"));
	assert_false(check_is_one_pem("-----BEGIN CMS-----\nAA==\n-----END CMS-----", "CMS"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_certificates_are_what_their_options_ask_for),
		cmocka_unit_test(backslash_that_the_reference_lost_is_missed),
		cmocka_unit_test(every_changed_option_is_missed),
		cmocka_unit_test(every_changed_extension_is_missed),
		cmocka_unit_test(known_faults_of_the_reference_are_found),
		cmocka_unit_test(product_of_another_ca_is_found),
		cmocka_unit_test(text_around_a_pem_block_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
