/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates made on the spot, so that no test ages. */
#ifndef IOTHSM_TEST_IDENTITY_H
#define IOTHSM_TEST_IDENTITY_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline EVP_PKEY *identity_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);

	assert_non_null(key);
	return key;
}

/* Valid now; issuer NULL: self-signed, a CA. */
static inline X509 *identity_cert(
	const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_NAME_new();
	X509_EXTENSION *constraint = X509V3_EXT_conf_nid(
		NULL, NULL, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");

	assert_true(cert && subject && constraint);
	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
				 (const unsigned char *)name, -1, -1, 0),
		1);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer ? 2 : 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600));
	assert_int_equal(X509_set_subject_name(cert, subject), 1);
	assert_int_equal(
		X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_int_equal(X509_add_ext(cert, constraint, -1), 1);
	assert_true(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
	X509_EXTENSION_free(constraint);
	X509_NAME_free(subject);
	return cert;
}

static inline void identity_write(const X509 *cert, const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, cert), 1);
	assert_int_equal(fclose(file), 0);
}

#endif
