/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "cleanup.h"
#include "cli_certificate.h"

static const struct cli quiet = { .command = "test" };

static void add_extension(X509 *cert, int nid, const char *value)
{
	CLEANUP(x509_extension)
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_true(X509_add_ext(cert, extension, -1));
}

/* days: from now to notAfter; negative is expired. */
static X509 *template_make(long days, const char *constraints, const char *usage)
{
	CLEANUP(pkey) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	assert_true(X509_set_version(cert, X509_VERSION_3));
	assert_true(X509_NAME_add_entry_by_txt(
		name, "O", MBSTRING_UTF8, (const uint8_t *)"M\xC3\xBCller, Inc", -1, -1, 0));
	assert_true(X509_set_issuer_name(cert, name));
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), 0x1234));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -86400L * 9));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * days));
	assert_true(X509_set_pubkey(cert, key));
	add_extension(cert, NID_basic_constraints, constraints);
	add_extension(cert, NID_key_usage, usage);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static void good_template_has_no_warning(void **state)
{
	CLEANUP(x509)
	X509 *cert = template_make(100, "critical,CA:TRUE", "critical,keyCertSign,cRLSign");

	(void)state;
	assert_int_equal(cli_certificate_review(&quiet, cert), 0);
}

static void each_unusual_thing_is_one_warning(void **state)
{
	CLEANUP(x509) X509 *expired = template_make(-1, "critical,CA:TRUE", "keyCertSign,cRLSign");
	CLEANUP(x509) X509 *no_ca = template_make(100, "CA:FALSE", "keyCertSign,cRLSign");
	CLEANUP(x509) X509 *no_crl = template_make(100, "CA:TRUE", "keyCertSign");
	CLEANUP(x509) X509 *limited = template_make(100, "CA:TRUE", "keyCertSign,cRLSign");

	(void)state;
	add_extension(limited, NID_name_constraints, "permitted;DNS:example.com");

	assert_int_equal(cli_certificate_review(&quiet, expired), 1);
	assert_int_equal(cli_certificate_review(&quiet, no_ca), 1);
	assert_int_equal(cli_certificate_review(&quiet, no_crl), 1);
	assert_int_equal(cli_certificate_review(&quiet, limited), 1);
}

static void fields_are_described_for_people(void **state)
{
	CLEANUP(x509) X509 *cert = template_make(100, "CA:TRUE", "keyCertSign");
	CLEANUP(json) json_t *object = json_object();

	(void)state;
	cli_certificate_describe(cert, object);

	assert_string_equal(
		json_string_value(json_object_get(object, "subject")), "O=M\xC3\xBCller\\, Inc");
	assert_string_equal(
		json_string_value(json_object_get(object, "certificate_serial")), "1234");
	assert_true(json_is_true(json_object_get(object, "self_signed")));
	assert_int_equal(strlen(json_string_value(json_object_get(object, "sha256"))), 64);
	assert_int_equal(strlen(json_string_value(json_object_get(object, "not_after"))), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_template_has_no_warning),
		cmocka_unit_test(each_unusual_thing_is_one_warning),
		cmocka_unit_test(fields_are_described_for_people),
	};

	return cmocka_run_group_tests_name("cli_certificate", tests, NULL, NULL);
}
