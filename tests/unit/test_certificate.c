/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: parsing bounds, wire forms, key identifiers, the digest rule, keys of PKCS#11. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "certificate.h"
#include "cleanup.h"
#include "file.h"
#include "key.h"

#define VECTORS TEST_DATA "/vectors/"

static char *read_text(const char *path, size_t *len)
{
	char *text = file_read(path, CERTIFICATE_INPUT_MAX, len);

	assert_non_null(text);
	return text;
}

static X509 *read_cert(const char *path)
{
	size_t len;
	CLEANUP(free) char *text = read_text(path, &len);
	X509 *cert = certificate_parse(key_library(), bytes_of(text, len));

	assert_non_null(cert);
	return cert;
}

static void pem_and_der_give_the_same_certificate(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *pem = read_cert(VECTORS "keys/hsmca_rsa.pem");
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = certificate_der(pem, &der);

	CLEANUP(x509)
	X509 *again = certificate_parse(key_library(), bytes_of(der, (size_t)len));
	assert_non_null(again);
	assert_int_equal(X509_cmp(pem, again), 0);
}

static void garbage_behind_der_is_refused(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *pem = read_cert(VECTORS "keys/hsmca_rsa.pem");
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = certificate_der(pem, &der);
	uint8_t longer[4096] = { 0 };

	memcpy(longer, der, (size_t)len);
	assert_null(certificate_parse(key_library(), bytes_of(longer, (size_t)len + 1)));
	assert_null(certificate_parse(key_library(), bytes_of(longer, (size_t)len - 1)));
}

static void what_is_no_certificate_is_refused(void **state)
{
	static const char *const texts[] = { "", "x", "0", "-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_null(certificate_parse(key_library(), bytes_of_text(texts[i])));
		assert_null(certificate_parse_bundle(key_library(), bytes_of_text(texts[i])));
	}
}

static void encrypted_pem_asks_for_no_passphrase(void **state)
{
	static const char text[] = "-----BEGIN CERTIFICATE-----\n"
				   "Proc-Type: 4,ENCRYPTED\n"
				   "DEK-Info: AES-256-CBC,00000000000000000000000000000000\n\n"
				   "AAAAAAAAAAAAAAAAAAAAAA==\n-----END CERTIFICATE-----\n";

	(void)state;
	assert_null(certificate_parse(key_library(), bytes_of_text(text)));
}

/* The same block count times, ended by tail. */
static char *repeat(size_t count, const char *tail)
{
	size_t len;
	CLEANUP(free) char *block = read_text(VECTORS "keys/hsmca_ec.pem", &len);
	char *text = calloc(1, count * len + strlen(tail) + 1);

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * len, block, len);
	memcpy(text + count * len, tail, strlen(tail));
	return text;
}

static void bundle_gives_all_certificates(void **state)
{
	(void)state;
	CLEANUP(free) char *text = repeat(3, "some text behind\n");
	CLEANUP(x509_stack)
	STACK_OF(X509) *certs = certificate_parse_bundle(key_library(), bytes_of_text(text));

	assert_non_null(certs);
	assert_int_equal(sk_X509_num(certs), 3);
}

static void bundle_with_a_damaged_block_is_refused(void **state)
{
	(void)state;
	CLEANUP(free)
	char *text = repeat(1, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");

	assert_null(certificate_parse_bundle(key_library(), bytes_of_text(text)));
}

static void bundle_beyond_the_maximum_is_refused(void **state)
{
	(void)state;
	CLEANUP(free) char *most = repeat(CERTIFICATE_BUNDLE_MAX, "");
	CLEANUP(free) char *more = repeat(CERTIFICATE_BUNDLE_MAX + 1, "");
	CLEANUP(x509_stack)
	STACK_OF(X509) *certs = certificate_parse_bundle(key_library(), bytes_of_text(most));

	assert_non_null(certs);
	assert_null(certificate_parse_bundle(key_library(), bytes_of_text(more)));
}

static void pem_is_the_text_that_was_read(void **state)
{
	(void)state;
	size_t len;
	CLEANUP(free) char *text = read_text(VECTORS "keys/hsmca_ec.pem", &len);
	CLEANUP(x509) X509 *cert = read_cert(VECTORS "keys/hsmca_ec.pem");
	CLEANUP(free) char *pem = certificate_pem(cert);

	assert_string_equal(pem, strstr(text, "-----BEGIN"));
}

static void wire_forms_equal_the_recorded_ones(void **state)
{
	static const struct {
		const char *path;
		const char *serial;
		const char *thumbprint;
	} known[] = {
		{ VECTORS "keys/hsmca_rsa.pem", "a1b2c3d4e5f60718293a4b5c6d7e8f90010203",
			"ef1d3275b58f68ed781f336c1ce54b52d5c966e2" },
		{ VECTORS "keys/hsmca_ec.pem", "01c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9ca",
			"5eccc31a3fd59522f69e0999a54010353f553bb6" },
		{ VECTORS "keys/hsmca_leadzero.pem", "0123456789abcdef0123",
			"d3cea4eaaffda6f034c79f3e8e8444675d44a2d0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		CLEANUP(x509) X509 *cert = read_cert(known[i].path);
		char serial[64], thumbprint[41];

		assert_true(certificate_serial_hex(cert, serial));
		assert_true(certificate_thumbprint(cert, thumbprint));
		assert_string_equal(serial, known[i].serial);
		assert_string_equal(thumbprint, known[i].thumbprint);
	}
}

static void random_serial_has_twenty_octets(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *cert = X509_new();
	char first[64], second[64];

	assert_true(certificate_set_random_serial(cert));
	assert_true(certificate_serial_hex(cert, first));
	assert_true(certificate_set_random_serial(cert));
	assert_true(certificate_serial_hex(cert, second));

	assert_int_equal(strlen(first), 40);
	assert_true(first[0] >= '4' && first[0] <= '7');
	assert_string_not_equal(first, second);
}

static void serial_of_more_than_twenty_octets_is_refused(void **state)
{
	uint8_t serial[21] = { 0x11 };
	char hex[64];

	(void)state;
	CLEANUP(x509) X509 *cert = X509_new();
	CLEANUP(bn) BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);

	assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)));
	assert_false(certificate_serial_hex(cert, hex));
}

static void temporary_certificate_is_known_by_its_name(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *temporary = read_cert(VECTORS "provision/temp_cert.pem");
	CLEANUP(x509) X509 *other = read_cert(VECTORS "keys/hsmca_rsa.pem");

	assert_true(certificate_is_temporary(temporary));
	assert_false(certificate_is_temporary(other));
}

static void extensions_equal(const X509 *a, const X509 *b, int nid)
{
	X509_EXTENSION *first = X509_get_ext(a, X509_get_ext_by_NID(a, nid, -1));
	X509_EXTENSION *second = X509_get_ext(b, X509_get_ext_by_NID(b, nid, -1));

	assert_non_null(first);
	assert_non_null(second);
	assert_int_equal(ASN1_OCTET_STRING_cmp(
				 X509_EXTENSION_get_data(first), X509_EXTENSION_get_data(second)),
		0);
}

static void key_identifiers_equal_those_of_openssl(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *known = read_cert(VECTORS "provision/temp_cert.pem");
	CLEANUP(x509) X509 *cert = X509_new_ex(key_library(), NULL);

	assert_int_equal(X509_set_pubkey(cert, X509_get0_pubkey(known)), 1);
	assert_true(certificate_add_key_identifiers(cert, cert));

	assert_int_equal(X509_get_ext_count(cert), 2);
	extensions_equal(cert, known, NID_subject_key_identifier);
	extensions_equal(cert, known, NID_authority_key_identifier);
}

static EVP_PKEY *generate(const char *type, const char *group)
{
	EVP_PKEY *key = group ? EVP_PKEY_Q_keygen(key_library(), NULL, type, group)
			      : EVP_PKEY_Q_keygen(key_library(), NULL, type);

	assert_non_null(key);
	return key;
}

static void digest_follows_the_key(void **state)
{
	static const struct {
		const char *type, *group, *wanted, *digest;
	} known[] = {
		{ "EC", "P-256", NULL, "SHA256" },
		{ "EC", "P-256", "sha512", "SHA512" },
		{ "EC", "P-256", "SHA2-384", "SHA384" },
		{ "EC", "P-256", "SHA1", "SHA256" },
		{ "EC", "P-256", "SHA224", "SHA256" },
		{ "EC", "P-384", "SHA512", "SHA384" },
		{ "EC", "P-521", "SHA256", "SHA512" },
		{ "ED25519", NULL, "SHA256", "" },
		{ "ED448", NULL, NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		CLEANUP(pkey) EVP_PKEY *key = generate(known[i].type, known[i].group);

		assert_string_equal(certificate_digest_for(key, known[i].wanted), known[i].digest);
	}
}

/* The attributes of a P-256 key; point as the DER OCTET STRING or bare. */
static void attributes_of_a_token_make_the_key(void **state)
{
	static const CK_BYTE oid[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_KEY_TYPE type = CKK_EC;
	CK_BYTE wrapped[2 + 65] = { 0x04, 65 };
	size_t len = 0;

	(void)state;
	CLEANUP(pkey) EVP_PKEY *key = generate("EC", "P-256");
	assert_int_equal(
		EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", wrapped + 2, 65, &len), 1);
	for (size_t skip = 0; skip <= 2; skip += 2) {
		CK_ATTRIBUTE list[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
			{ CKA_EC_PARAMS, (void *)(uintptr_t)oid, sizeof(oid) },
			{ CKA_EC_POINT, wrapped + skip, sizeof(wrapped) - skip } };
		CLEANUP(pkey)
		EVP_PKEY *made = certificate_public_key(key_library(), list, ARRAY_LEN(list));

		assert_non_null(made);
		assert_int_equal(EVP_PKEY_eq(made, key), 1);
	}
}

static void point_off_the_curve_makes_no_key(void **state)
{
	static const CK_BYTE oid[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_KEY_TYPE type = CKK_EC;
	CK_BYTE point[65] = { 0x04, 0x01 };

	(void)state;
	CK_ATTRIBUTE list[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_EC_PARAMS, (void *)(uintptr_t)oid, sizeof(oid) },
		{ CKA_EC_POINT, point, sizeof(point) } };

	assert_null(certificate_public_key(key_library(), list, ARRAY_LEN(list)));
	assert_null(certificate_public_key(key_library(), list, 2));
	assert_null(certificate_public_key(key_library(), list, 0));
}

static void edwards_point_makes_the_key(void **state)
{
	CK_KEY_TYPE type = CKK_EC_EDWARDS;
	CK_BYTE wrapped[2 + 32] = { 0x04, 32 };
	size_t len = 32;

	(void)state;
	CLEANUP(pkey) EVP_PKEY *key = generate("ED25519", NULL);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, wrapped + 2, &len), 1);
	CK_ATTRIBUTE list[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_EC_POINT, wrapped, sizeof(wrapped) } };
	CLEANUP(pkey) EVP_PKEY *made = certificate_public_key(key_library(), list, 2);

	assert_non_null(made);
	assert_int_equal(EVP_PKEY_eq(made, key), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pem_and_der_give_the_same_certificate),
		cmocka_unit_test(garbage_behind_der_is_refused),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		cmocka_unit_test(encrypted_pem_asks_for_no_passphrase),
		cmocka_unit_test(bundle_gives_all_certificates),
		cmocka_unit_test(bundle_with_a_damaged_block_is_refused),
		cmocka_unit_test(bundle_beyond_the_maximum_is_refused),
		cmocka_unit_test(pem_is_the_text_that_was_read),
		cmocka_unit_test(wire_forms_equal_the_recorded_ones),
		cmocka_unit_test(random_serial_has_twenty_octets),
		cmocka_unit_test(serial_of_more_than_twenty_octets_is_refused),
		cmocka_unit_test(temporary_certificate_is_known_by_its_name),
		cmocka_unit_test(key_identifiers_equal_those_of_openssl),
		cmocka_unit_test(digest_follows_the_key),
		cmocka_unit_test(attributes_of_a_token_make_the_key),
		cmocka_unit_test(point_off_the_curve_makes_no_key),
		cmocka_unit_test(edwards_point_makes_the_key),
	};

	return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
