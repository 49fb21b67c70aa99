/* SPDX-License-Identifier: Apache-2.0 */
/* The class of what was recorded at the platform, and of what only looks like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>

/* Behind the former, which it asks for. */
#include <openssl/cms.h>

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "cleanup.h"
#include "signed.h"
#include "support/vectors.h"

static const uint8_t nobody[SIGNED_SPKI_LEN];

static inline void cleanup_signed(struct signed_input *input)
{
	signed_reset(input);
}

static enum signed_class class_of(const uint8_t *tbs, int len, const uint8_t *own)
{
	CLEANUP(signed) struct signed_input found;

	assert_true(len > 0);
	signed_read(bytes_of(tbs, (size_t)len), own, &found);
	assert_true(found.class != SIGNED_UNKNOWN || found.why[0]);
	return found.class;
}

static enum signed_class class_of_certificate(X509 *cert, const uint8_t *own)
{
	CLEANUP(openssl) uint8_t *tbs = NULL;
	int len = i2d_re_X509_tbs(cert, &tbs);

	return class_of(tbs, len, own);
}

static X509 *leaf_of(const char *run)
{
	CLEANUP(json) json_t *answer = vector_json(run, "13_csr_response_plain.json");
	const char *text = json_string_value(json_object_get(answer, "message"));
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);

	return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

static void recorded_certificates_have_their_classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vector_runs); i++) {
		CLEANUP(x509) X509 *leaf = leaf_of(vector_runs[i].name);
		CLEANUP(x509)
		X509 *ephemeral = vector_cert(vector_runs[i].name, "01_ephemeral_cert.pem");

		assert_int_equal(class_of_certificate(leaf, nobody), SIGNED_LEAF);
		assert_int_equal(class_of_certificate(ephemeral, nobody), SIGNED_EPHEMERAL);
	}
	CLEANUP(x509) X509 *authority = vector_cert("ext", "all.pem");

	assert_int_equal(class_of_certificate(authority, nobody), SIGNED_CA);
}

static void certificate_of_the_key_itself_is_self(void **state)
{
	CLEANUP(x509) X509 *root = vector_cert("keys", "hsmca_ec.pem");
	uint8_t own[SIGNED_SPKI_LEN];

	(void)state;
	assert_true(signed_hash_key(X509_get0_pubkey(root), own));
	assert_int_equal(class_of_certificate(root, own), SIGNED_SELF);
	assert_int_equal(class_of_certificate(root, nobody), SIGNED_CA);
}

static void certificate_of_version_one_is_an_authority(void **state)
{
	CLEANUP(x509) X509 *leaf = leaf_of("run_ec");

	(void)state;
	while (X509_get_ext_count(leaf) > 0)
		X509_EXTENSION_free(X509_delete_ext(leaf, 0));
	assert_int_equal(X509_set_version(leaf, X509_VERSION_1), 1);
	assert_int_equal(class_of_certificate(leaf, nobody), SIGNED_CA);
}

static void key_usage_alone_makes_an_authority(void **state)
{
	CLEANUP(x509) X509 *leaf = leaf_of("run_ec");
	CLEANUP(x509_extension)
	X509_EXTENSION *usage = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "keyCertSign");

	(void)state;
	int at = X509_get_ext_by_NID(leaf, NID_key_usage, -1);

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(leaf, at));
	at = X509_get_ext_by_NID(leaf, NID_basic_constraints, -1);
	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(leaf, at));
	assert_int_equal(X509_add_ext(leaf, usage, -1), 1);
	assert_int_equal(class_of_certificate(leaf, nobody), SIGNED_CA);
}

static void extension_that_is_there_twice_makes_it_unknown(void **state)
{
	CLEANUP(x509) X509 *authority = vector_cert("ext", "all.pem");
	CLEANUP(x509_extension)
	X509_EXTENSION *second = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:FALSE");

	(void)state;
	assert_int_equal(X509_add_ext(authority, second, 0), 1);
	assert_int_equal(class_of_certificate(authority, nobody), SIGNED_UNKNOWN);
}

static void ephemeral_profile_with_another_extension_is_a_leaf(void **state)
{
	CLEANUP(x509) X509 *cert = vector_cert("run_ec", "01_ephemeral_cert.pem");
	CLEANUP(x509_extension)
	X509_EXTENSION *more =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:example.com");

	(void)state;
	assert_int_equal(X509_add_ext(cert, more, -1), 1);
	assert_int_equal(class_of_certificate(cert, nobody), SIGNED_LEAF);
}

static void ephemeral_profile_that_lives_longer_is_a_leaf(void **state)
{
	CLEANUP(x509) X509 *cert = vector_cert("run_ec", "01_ephemeral_cert.pem");

	(void)state;
	assert_true(ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "20300101000000Z"));
	assert_int_equal(class_of_certificate(cert, nobody), SIGNED_LEAF);
}

static void recorded_list_is_a_list(void **state)
{
	CLEANUP(json) json_t *sent = vector_json("run_ec", "30_delivercrl_plain.json");
	const char *text = json_string_value(json_object_get(sent, "message"));
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	CLEANUP(x509_crl) X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	CLEANUP(openssl) uint8_t *tbs = NULL;

	(void)state;
	assert_non_null(list);
	assert_int_equal(class_of(tbs, i2d_re_X509_CRL_tbs(list, &tbs), nobody), SIGNED_CRL);
}

static void request_counts_only_for_its_own_key(void **state)
{
	size_t len = 0;
	CLEANUP(free) char *text = vector_text("keys", "leaf.csr", &len);
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, (int)len);
	CLEANUP(x509_req) X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	CLEANUP(openssl) uint8_t *info = NULL;
	uint8_t own[SIGNED_SPKI_LEN];

	(void)state;
	assert_non_null(request);
	int info_len = i2d_re_X509_REQ_tbs(request, &info);

	assert_true(signed_hash_key(X509_REQ_get0_pubkey(request), own));
	assert_int_equal(class_of(info, info_len, own), SIGNED_REQUEST);
	assert_int_equal(class_of(info, info_len, nobody), SIGNED_UNKNOWN);
}

/* The attributes of a recorded message as they were signed, without every one of these. */
static int signed_attributes(int left_out, uint8_t **der)
{
	CLEANUP(json) json_t *answer = vector_json("run_ec", "43_cms_response_plain.json");
	const char *text = json_string_value(json_object_get(answer, "message"));
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	CLEANUP(cms) CMS_ContentInfo *cms = PEM_read_bio_CMS(bio, NULL, NULL, NULL);

	assert_non_null(cms);
	CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	ASN1_SEQUENCE_ANY *set = sk_ASN1_TYPE_new_null();

	for (int i = 0; i < CMS_signed_get_attr_count(signer); i++) {
		X509_ATTRIBUTE *attribute = CMS_signed_get_attr(signer, i);
		ASN1_TYPE *member = ASN1_TYPE_new();
		ASN1_STRING *value = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
		CLEANUP(openssl) uint8_t *one = NULL;
		int len = i2d_X509_ATTRIBUTE(attribute, &one);

		assert_true(ASN1_STRING_set(value, one, len));
		ASN1_TYPE_set(member, V_ASN1_SEQUENCE, value);
		if (OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute)) == left_out)
			ASN1_TYPE_free(member);
		else
			assert_true(sk_ASN1_TYPE_push(set, member) > 0);
	}
	int len = i2d_ASN1_SET_ANY(set, der);

	sk_ASN1_TYPE_pop_free(set, ASN1_TYPE_free);
	return len;
}

static void attributes_of_a_recorded_message_are_cms(void **state)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	CLEANUP(openssl) uint8_t *without = NULL;

	(void)state;
	assert_int_equal(class_of(der, signed_attributes(NID_undef, &der), nobody), SIGNED_CMS);
	assert_int_equal(
		class_of(without, signed_attributes(NID_pkcs9_messageDigest, &without), nobody),
		SIGNED_UNKNOWN);
}

static void no_certificate_is_known_with_a_byte_more_or_less(void **state)
{
	CLEANUP(x509) X509 *leaf = leaf_of("run_ec");
	CLEANUP(openssl) uint8_t *tbs = NULL;
	int len = i2d_re_X509_tbs(leaf, &tbs);
	CLEANUP(free) uint8_t *longer = calloc(1, (size_t)len + 1);

	(void)state;
	memcpy(longer, tbs, (size_t)len);
	assert_int_equal(class_of(longer, len + 1, nobody), SIGNED_UNKNOWN);
	for (int cut = 1; cut < len; cut += 7)
		assert_int_equal(class_of(tbs, len - cut, nobody), SIGNED_UNKNOWN);
}

/* The same certificate, the length of its sequence in a form that is not the shortest. */
static void what_is_not_der_is_unknown(void **state)
{
	CLEANUP(x509) X509 *leaf = leaf_of("run_ec");
	CLEANUP(openssl) uint8_t *tbs = NULL;
	int len = i2d_re_X509_tbs(leaf, &tbs);
	CLEANUP(free) uint8_t *loose = calloc(1, (size_t)len + 1);

	(void)state;
	assert_int_equal(tbs[1], 0x82);
	loose[0] = tbs[0];
	loose[1] = 0x83;
	memcpy(loose + 3, tbs + 2, (size_t)len - 2);
	assert_int_equal(class_of(loose, len + 1, nobody), SIGNED_UNKNOWN);
}

static void every_class_is_found_by_its_name(void **state)
{
	(void)state;
	for (enum signed_class class = SIGNED_UNKNOWN; class < SIGNED_CLASSES; class ++)
		assert_int_equal(signed_find(signed_name(class)), class);
	assert_int_equal(signed_find("no such class"), SIGNED_CLASSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_certificates_have_their_classes),
		cmocka_unit_test(certificate_of_the_key_itself_is_self),
		cmocka_unit_test(certificate_of_version_one_is_an_authority),
		cmocka_unit_test(key_usage_alone_makes_an_authority),
		cmocka_unit_test(extension_that_is_there_twice_makes_it_unknown),
		cmocka_unit_test(ephemeral_profile_with_another_extension_is_a_leaf),
		cmocka_unit_test(ephemeral_profile_that_lives_longer_is_a_leaf),
		cmocka_unit_test(recorded_list_is_a_list),
		cmocka_unit_test(request_counts_only_for_its_own_key),
		cmocka_unit_test(attributes_of_a_recorded_message_are_cms),
		cmocka_unit_test(no_certificate_is_known_with_a_byte_more_or_less),
		cmocka_unit_test(what_is_not_der_is_unknown),
		cmocka_unit_test(every_class_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
