/* SPDX-License-Identifier: Apache-2.0 */
/* Provisioning certificates made by a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/conf.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"

#include "support/sample_template.h"

static void add_name(X509_NAME *name, const char *common_name)
{
	static const unsigned char organization[] = { 0x00, 'A', 0x01, 0x31 }; /* BMPString A, ı */
	static const unsigned char unit[] = "Unit = /quoted\" \xc3\xbc";
	const unsigned char *common = (const unsigned char *)(common_name ? common_name : "Root");

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8, unit, -1, -1, 0), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", V_ASN1_BMPSTRING, organization,
				 sizeof(organization), -1, 0),
		1);
	assert_int_equal(
		X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_T61STRING, common, -1, -1, 0), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8, unit, 4, -1, 0), 1);
}

static void add_extensions(X509 *cert)
{
	static const struct {
		int nid;
		const char *value;
	} extensions[] = {
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "00112233" },
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:1" },
		{ NID_name_constraints, "critical,permitted;DNS:example.com" },
		{ NID_certificate_policies, "1.2.3.4,1.2.3.5" },
		{ NID_info_access, "OCSP;URI:http://ocsp.example.com/a=b" },
	};
	X509V3_CTX ctx;
	CONF *conf = NCONF_new(NULL); /* policies are not made without one */

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		CLEANUP(x509_extension)
		X509_EXTENSION *extension =
			X509V3_EXT_conf_nid(NULL, &ctx, extensions[i].nid, extensions[i].value);

		assert_non_null(extension);
		assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	}
	NCONF_free(conf);
	ASN1_OBJECT *private = OBJ_txt2obj("1.2.3.4.5.6", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

	assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x0c\x01x", 3), 1);
	CLEANUP(x509_extension)
	X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, private, 1, value);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	ASN1_OBJECT_free(private);
	ASN1_OCTET_STRING_free(value);
}

X509 *test_template_make(const struct test_template *wanted)
{
	CLEANUP(pkey) EVP_PKEY *own = wanted->key ? NULL : EVP_EC_gen("P-256");
	EVP_PKEY *key = wanted->key ? wanted->key : own;
	X509 *cert = X509_new();
	long lifetime = wanted->lifetime_seconds ? wanted->lifetime_seconds : 3650L * 24 * 3600;

	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_true(certificate_set_random_serial(cert));
	if (!wanted->empty_subject)
		add_name(X509_get_subject_name(cert), wanted->common_name);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -100));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), lifetime));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	if (!wanted->no_extensions)
		add_extensions(cert);
	assert_true(X509_sign(cert, key,
			    EVP_get_digestbyname(wanted->digest ? wanted->digest : "SHA256")) > 0);
	return cert;
}

struct bytes test_template_der(const X509 *cert)
{
	uint8_t *der = NULL;
	int len = certificate_der(cert, &der);

	assert_true(len > 0);
	return bytes_of(der, (size_t)len);
}
