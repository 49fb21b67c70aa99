/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: every recorded message is read, and made again in the same structure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/rand.h>

#include "cleanup.h"
#include "envelope.h"
#include "support/vectors.h"

struct opened {
	uint8_t *content;
	size_t len;
	X509 *signer;
	int64_t signing_time_s;
};

static void cleanup_opened(struct opened *opened)
{
	OPENSSL_free(opened->content);
	X509_free(opened->signer);
}

static bool verify(X509_STORE *store, const char *text, struct opened *opened)
{
	return envelope_verify(store, bytes_of_text(text), &opened->content, &opened->len,
		&opened->signer, &opened->signing_time_s);
}

/* A recorded message: who signed it, and what is inside after the layers named. */
enum layers { SIGNED, SIGNED_ENCRYPTED, SIGNED_ENCRYPTED_DEFLATED };

static const struct recorded {
	const char *name;
	const char *plain;
	bool from_platform;
	enum layers layers;
} recorded[] = {
	{ "01_register_request.json", "01_register_request_signed_content.bin", false, SIGNED },
	{ "02_register_response.json", "02_register_response_plain.json", true, SIGNED_ENCRYPTED },
	{ "11_csr_offer.json", "11_csr_offer_signed_content.json", false, SIGNED },
	{ "12_csr_request.json", "12_csr_request_plain.json", true, SIGNED_ENCRYPTED_DEFLATED },
	{ "13_csr_response.json", "13_csr_response_plain.json", false, SIGNED_ENCRYPTED_DEFLATED },
	{ "21_crl_offer.json", "21_crl_offer_signed_content.json", false, SIGNED },
	{ "22_crl_request.json", "22_crl_request_plain.json", true, SIGNED_ENCRYPTED_DEFLATED },
	{ "23_crl_response.json", "23_crl_response_plain.json", false, SIGNED_ENCRYPTED_DEFLATED },
	{ "30_delivercrl_request.txt", "30_delivercrl_plain.json", false,
		SIGNED_ENCRYPTED_DEFLATED },
	{ "41_cms_offer.json", "41_cms_offer_signed_content.json", false, SIGNED },
	{ "42_cms_request.json", "42_cms_request_plain.json", true, SIGNED_ENCRYPTED_DEFLATED },
	{ "43_cms_response.json", "43_cms_response_plain.json", false, SIGNED_ENCRYPTED_DEFLATED },
};

static X509_STORE *store_of(const struct vector_run *run, const struct recorded *message)
{
	return vector_store("keys", message->from_platform ? "platform_ca.pem" : run->ca);
}

static EVP_PKEY *recipient_key(const struct vector_run *run, const struct recorded *message)
{
	if (message->from_platform)
		return vector_key(run->name, "ephemeral_key.pem");
	return vector_key("keys", "platform_smime.key");
}

static void check_recorded(const struct vector_run *run, const struct recorded *message)
{
	size_t plain_len = 0;
	CLEANUP(free) char *plain = vector_text(run->name, message->plain, &plain_len);
	CLEANUP(free) char *text = vector_smime(run->name, message->name);
	CLEANUP(x509_store) X509_STORE *store = store_of(run, message);
	CLEANUP(pkey) EVP_PKEY *key = recipient_key(run, message);
	CLEANUP(opened) struct opened opened = { 0 };
	CLEANUP(openssl) uint8_t *inner = NULL;
	size_t inner_len = 0;

	assert_true(verify(store, text, &opened));
	struct bytes content = bytes_of(opened.content, opened.len);

	if (message->layers == SIGNED_ENCRYPTED)
		assert_true(envelope_decrypt(key, content, &inner, &inner_len));
	if (message->layers == SIGNED_ENCRYPTED_DEFLATED)
		assert_true(envelope_open_inner(key, content, &inner, &inner_len));
	if (message->layers != SIGNED)
		content = bytes_of(inner, inner_len);
	assert_true(bytes_equal(content, bytes_of(plain, plain_len)));
	assert_true(opened.signing_time_s > VECTOR_TIME_S - 60);
	assert_true(opened.signing_time_s < VECTOR_TIME_S);
}

static void every_recorded_message_opens_to_its_plain_content(void **state)
{
	(void)state;
	for (size_t run = 0; run < ARRAY_LEN(vector_runs); run++) {
		for (size_t i = 0; i < ARRAY_LEN(recorded); i++)
			check_recorded(&vector_runs[run], &recorded[i]);
	}
}

static void every_recorded_solicit_is_verified(void **state)
{
	static const char *const names[] = { "10_csr_solicit.json", "20_crl_solicit.json",
		"40_cms_solicit.json" };
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(free) char *text = vector_smime("run_ec", names[i]);
		CLEANUP(opened) struct opened opened = { 0 };

		assert_true(verify(store, text, &opened));
		assert_memory_equal(opened.content, "{\"serial\":\"01c2", 15);
	}
}

/* The base64 part as DER, by OpenSSL's own reader. */
static int body_der(const char *text, unsigned char **der)
{
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	CLEANUP(cms) CMS_ContentInfo *cms = SMIME_read_CMS(bio, NULL);

	assert_non_null(cms);
	return i2d_CMS_ContentInfo(cms, der);
}

static bool value_may_differ(int tag)
{
	return tag == V_ASN1_OCTET_STRING || tag == V_ASN1_UTCTIME;
}

/* Same tags in the same order, and the same values but for times, digests, signatures and
 * ciphertext. */
static void assert_same_structure(struct bytes a, struct bytes b)
{
	const unsigned char *left = a.data, *right = b.data;

	while (left < a.data + a.len) {
		long left_len = 0, right_len = 0;
		int left_tag = 0, right_tag = 0, left_class = 0, right_class = 0;
		int left_form = ASN1_get_object(
			&left, &left_len, &left_tag, &left_class, a.data + a.len - left);
		int right_form = ASN1_get_object(
			&right, &right_len, &right_tag, &right_class, b.data + b.len - right);

		assert_int_equal(left_form, right_form);
		assert_int_equal(left_tag, right_tag);
		assert_int_equal(left_class, right_class);
		struct bytes left_value = bytes_of(left, (size_t)left_len);
		struct bytes right_value = bytes_of(right, (size_t)right_len);

		if (left_form & V_ASN1_CONSTRUCTED)
			assert_same_structure(left_value, right_value);
		else if (left_class == V_ASN1_UNIVERSAL && !value_may_differ(left_tag))
			assert_true(bytes_equal(left_value, right_value));
		left += left_len;
		right += right_len;
	}
	assert_ptr_equal(right, b.data + b.len);
}

static void assert_same_message(const char *made, const char *original)
{
	CLEANUP(openssl) unsigned char *made_der = NULL;
	CLEANUP(openssl) unsigned char *original_der = NULL;
	int made_len = body_der(made, &made_der);
	int original_len = body_der(original, &original_der);
	const char *body = strstr(original, "\n\n");

	assert_non_null(body);
	assert_memory_equal(made, original, (size_t)(body - original) + 2);
	assert_string_equal(made + strlen(made) - 2, "\n\n");
	assert_same_structure(
		bytes_of(made_der, (size_t)made_len), bytes_of(original_der, (size_t)original_len));
}

static void check_made_again(const struct vector_run *run, const struct recorded *message)
{
	bool platform = message->from_platform;
	CLEANUP(free) char *original = vector_smime(run->name, message->name);
	CLEANUP(x509)
	X509 *cert = vector_cert(platform ? "keys" : run->name,
		platform ? "platform_smime.pem" : "01_ephemeral_cert.pem");
	CLEANUP(pkey)
	EVP_PKEY *key = vector_key(platform ? "keys" : run->name,
		platform ? "platform_smime.key" : "ephemeral_key.pem");
	CLEANUP(x509_store) X509_STORE *store = store_of(run, message);
	CLEANUP(opened) struct opened opened = { 0 };

	assert_true(verify(store, original, &opened));
	CLEANUP(free)
	char *made = envelope_sign(
		&(struct envelope_identity){ cert, key }, bytes_of(opened.content, opened.len));

	assert_non_null(made);
	assert_same_message(made, original);
}

static void every_recorded_signature_is_made_again_in_the_same_structure(void **state)
{
	(void)state;
	for (size_t run = 0; run < ARRAY_LEN(vector_runs); run++) {
		for (size_t i = 0; i < ARRAY_LEN(recorded); i++)
			check_made_again(&vector_runs[run], &recorded[i]);
	}
}

static void recorded_encryption_is_made_again_in_the_same_structure(void **state)
{
	CLEANUP(free) char *text = vector_smime("run_rsa", "13_csr_response.json");
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "hsmca_rsa.pem");
	CLEANUP(x509) X509 *recipient = vector_cert("keys", "platform_smime.pem");
	CLEANUP(pkey) EVP_PKEY *key = vector_key("keys", "platform_smime.key");
	CLEANUP(opened) struct opened opened = { 0 };
	CLEANUP(openssl) uint8_t *deflated = NULL;
	size_t len = 0;

	(void)state;
	assert_true(verify(store, text, &opened));
	assert_true(envelope_decrypt(key, bytes_of(opened.content, opened.len), &deflated, &len));
	assert_memory_equal(deflated, "\x78\x9c", 2);
	CLEANUP(free) char *made = envelope_encrypt(recipient, bytes_of(deflated, len));
	CLEANUP(free) char *original = strndup((char *)opened.content, opened.len);

	assert_same_message(made, original);
}

/* --- what must be refused --- */

static void message_under_another_anchor_is_refused(void **state)
{
	CLEANUP(free) char *text = vector_smime("run_ec", "10_csr_solicit.json");
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "hsmca_ec.pem");
	CLEANUP(opened) struct opened opened = { 0 };

	(void)state;
	assert_false(verify(store, text, &opened));
	assert_null(opened.content);
	assert_null(opened.signer);
}

/* Signed by the platform itself, with a digest of the caller's choice. */
static char *sign_with(const EVP_MD *digest)
{
	CLEANUP(x509) X509 *cert = vector_cert("keys", "platform_smime.pem");
	CLEANUP(pkey) EVP_PKEY *key = vector_key("keys", "platform_smime.key");
	CLEANUP(bio) BIO *content = BIO_new_mem_buf("content", -1);
	CLEANUP(bio) BIO *output = BIO_new(BIO_s_mem());
	CLEANUP(cms)
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
	char *text = NULL;

	assert_non_null(CMS_add1_signer(cms, cert, key, digest, CMS_BINARY));
	assert_int_equal(CMS_final(cms, content, NULL, CMS_BINARY), 1);
	assert_int_equal(SMIME_write_CMS(output, cms, NULL, CMS_BINARY), 1);
	long len = BIO_get_mem_data(output, &text);

	return strndup(text, (size_t)len);
}

static void digest_weaker_than_sha256_is_refused(void **state)
{
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	CLEANUP(free) char *good = sign_with(EVP_sha384());
	CLEANUP(free) char *weak = sign_with(EVP_sha1());
	CLEANUP(free) char *short_one = sign_with(EVP_sha224());
	CLEANUP(opened) struct opened opened = { 0 };

	(void)state;
	assert_false(verify(store, weak, &opened));
	assert_false(verify(store, short_one, &opened));
	assert_true(verify(store, good, &opened));
}

static void message_is_refused_when_its_signer_has_expired(void **state)
{
	CLEANUP(free) char *text = vector_smime("run_ec", "11_csr_offer.json");
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "hsmca_ec.pem");
	CLEANUP(opened) struct opened opened = { 0 };

	(void)state;
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), VECTOR_TIME_S + 3600);
	assert_false(verify(store, text, &opened));
}

static void every_changed_byte_of_a_body_is_refused(void **state)
{
	CLEANUP(free) char *text = vector_smime("run_ec", "10_csr_solicit.json");
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	size_t start = (size_t)(strstr(text, "\n\n") - text) + 2;

	(void)state;
	/* The last 350 characters are the signature; before it some bytes only name optional
	 * algorithms. */
	for (size_t i = strlen(text) - 300; i < strlen(text) - 20; i += 7) {
		CLEANUP(opened) struct opened opened = { 0 };
		char original = text[i];

		assert_true(i > start);
		text[i] = original == 'A' ? 'B' : 'A';
		assert_false(verify(store, text, &opened));
		text[i] = original;
	}
}

static void truncated_text_is_refused_at_every_length(void **state)
{
	CLEANUP(free) char *text = vector_smime("run_ec", "10_csr_solicit.json");
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	size_t len = strlen(text);

	(void)state;
	for (size_t cut = 0; cut < len - 8; cut += 13) {
		CLEANUP(opened) struct opened opened = { 0 };

		assert_false(envelope_verify(store, bytes_of(text, cut), &opened.content,
			&opened.len, &opened.signer, &opened.signing_time_s));
	}
}

static void decryption_with_another_key_fails(void **state)
{
	CLEANUP(free) char *text = vector_smime("run_ec", "12_csr_request.json");
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	CLEANUP(pkey) EVP_PKEY *key = vector_key("keys", "platform_smime.key");
	CLEANUP(opened) struct opened opened = { 0 };
	uint8_t *content = NULL;
	size_t len = 0;

	(void)state;
	assert_true(verify(store, text, &opened));
	assert_false(
		envelope_open_inner(key, bytes_of(opened.content, opened.len), &content, &len));
	assert_null(content);
}

/* --- what must be accepted --- */

/* The same text with CRLF line ends. */
static char *with_crlf(const char *text)
{
	char *out = calloc(2, strlen(text) + 1);
	char *end = out;

	for (; out && *text; text++) {
		if (*text == '\n')
			*end++ = '\r';
		*end++ = *text;
	}
	return out;
}

static void crlf_line_ends_are_read(void **state)
{
	CLEANUP(free) char *text = vector_smime("run_ec", "10_csr_solicit.json");
	CLEANUP(free) char *crlf = with_crlf(text);
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	CLEANUP(opened) struct opened opened = { 0 };

	(void)state;
	assert_true(verify(store, crlf, &opened));
}

static void header_order_case_and_x_prefix_do_not_matter(void **state)
{
	static const char header[] =
		"CONTENT-transfer-ENCODING: BASE64\n"
		"content-type: application/x-pkcs7-mime; name=\"a.p7m\"; smime-type=signed-data\n"
		"mime-version: 1.0\n\n";
	CLEANUP(free) char *text = vector_smime("run_ec", "10_csr_solicit.json");
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	CLEANUP(opened) struct opened opened = { 0 };
	CLEANUP(free) char *other = NULL;

	(void)state;
	assert_true(asprintf(&other, "%s%s", header, strstr(text, "\n\n") + 2) > 0);
	assert_true(verify(store, other, &opened));
}

static void detached_multipart_form_is_read(void **state)
{
	static const char content[] = "{\"serial\":\"1\"}";
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	CLEANUP(x509) X509 *cert = vector_cert("keys", "platform_smime.pem");
	CLEANUP(pkey) EVP_PKEY *key = vector_key("keys", "platform_smime.key");
	CLEANUP(bio) BIO *input = BIO_new_mem_buf(content, -1);
	CLEANUP(bio) BIO *output = BIO_new(BIO_s_mem());
	const unsigned int flags = CMS_DETACHED | CMS_STREAM | CMS_BINARY;
	CLEANUP(cms) CMS_ContentInfo *cms = CMS_sign(cert, key, NULL, input, flags);
	CLEANUP(opened) struct opened opened = { 0 };
	char *text = NULL;

	(void)state;
	assert_int_equal(SMIME_write_CMS(output, cms, input, (int)flags), 1);
	long len = BIO_get_mem_data(output, &text);

	assert_true(envelope_verify(store, bytes_of(text, (size_t)len), &opened.content,
		&opened.len, &opened.signer, &opened.signing_time_s));
	assert_memory_equal(opened.content, content, sizeof(content) - 1);
}

static void exact_issuer_is_demanded_of_an_ephemeral_signer(void **state)
{
	CLEANUP(x509) X509 *platform_ca = vector_cert("keys", "platform_ca.pem");
	CLEANUP(x509) X509 *platform_smime = vector_cert("keys", "platform_smime.pem");
	CLEANUP(pkey) EVP_PKEY *key = vector_key("keys", "platform_ca.key");
	CLEANUP(free)
	char *by_ca =
		envelope_sign(&(struct envelope_identity){ platform_ca, key }, bytes_of_text("x"));
	CLEANUP(opened) struct opened opened = { 0 };

	(void)state;
	assert_non_null(by_ca);
	/* The CA is no signer of its own messages. */
	assert_false(envelope_verify_issuer(platform_ca, bytes_of_text(by_ca), &opened.content,
		&opened.len, &opened.signer, &opened.signing_time_s));
	assert_false(envelope_verify_issuer(platform_smime, bytes_of_text(by_ca), &opened.content,
		&opened.len, &opened.signer, &opened.signing_time_s));
}

static void sealed_content_of_any_size_opens_again(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 70000 };
	CLEANUP(x509_store) X509_STORE *store = vector_store("keys", "platform_ca.pem");
	CLEANUP(x509) X509 *cert = vector_cert("keys", "platform_smime.pem");
	CLEANUP(pkey) EVP_PKEY *key = vector_key("keys", "platform_smime.key");
	CLEANUP(free) uint8_t *data = malloc(70000);

	(void)state;
	assert_int_equal(RAND_bytes(data, 70000), 1);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(free)
		char *text = envelope_seal(
			&(struct envelope_identity){ cert, key }, cert, bytes_of(data, sizes[i]));
		CLEANUP(opened) struct opened opened = { 0 };
		CLEANUP(openssl) uint8_t *inner = NULL;
		size_t len = 0;

		assert_true(verify(store, text, &opened));
		assert_true(envelope_open_inner(
			key, bytes_of(opened.content, opened.len), &inner, &len));
		assert_true(bytes_equal(bytes_of(inner, len), bytes_of(data, sizes[i])));
	}
}

/* --- deflate and inflate --- */

static void inflate_stops_at_its_bound(void **state)
{
	CLEANUP(free) uint8_t *zeros = calloc(1, ENVELOPE_INFLATE_MAX);
	CLEANUP(openssl) uint8_t *bomb = NULL;
	CLEANUP(openssl) uint8_t *content = NULL;
	size_t bomb_len = 0;
	size_t len = 0;

	(void)state;
	assert_true(envelope_deflate(bytes_of(zeros, ENVELOPE_INFLATE_MAX), &bomb, &bomb_len));
	assert_true(envelope_inflate(bytes_of(bomb, bomb_len), &content, &len));
	assert_int_equal(len, ENVELOPE_INFLATE_MAX);
	assert_false(envelope_deflate(bytes_of(zeros, ENVELOPE_INFLATE_MAX + 1), &bomb, &len));
}

static void inflate_beyond_its_bound_is_refused(void **state)
{
	/* 5,000,000 zeros in 5 KB. */
	CLEANUP(free) uint8_t *bomb = NULL;
	CLEANUP(openssl) uint8_t *content = NULL;
	size_t bomb_len = 0;
	size_t len = 77;

	(void)state;
	bomb = (uint8_t *)vector_text("..", "bomb.zlib", &bomb_len);
	assert_false(envelope_inflate(bytes_of(bomb, bomb_len), &content, &len));
	assert_int_equal(len, 77);
}

static void incomplete_or_continued_stream_is_refused(void **state)
{
	CLEANUP(openssl) uint8_t *deflated = NULL;
	CLEANUP(openssl) uint8_t *content = NULL;
	size_t deflated_len = 0;
	size_t len = 0;

	(void)state;
	assert_true(
		envelope_deflate(bytes_of_text("hello, hello, hello"), &deflated, &deflated_len));
	for (size_t cut = 0; cut < deflated_len; cut++)
		assert_false(envelope_inflate(bytes_of(deflated, cut), &content, &len));
	CLEANUP(free) uint8_t *longer = calloc(1, deflated_len + 1);

	memcpy(longer, deflated, deflated_len);
	assert_false(envelope_inflate(bytes_of(longer, deflated_len + 1), &content, &len));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recorded_message_opens_to_its_plain_content),
		cmocka_unit_test(every_recorded_solicit_is_verified),
		cmocka_unit_test(every_recorded_signature_is_made_again_in_the_same_structure),
		cmocka_unit_test(recorded_encryption_is_made_again_in_the_same_structure),
		cmocka_unit_test(message_under_another_anchor_is_refused),
		cmocka_unit_test(digest_weaker_than_sha256_is_refused),
		cmocka_unit_test(message_is_refused_when_its_signer_has_expired),
		cmocka_unit_test(every_changed_byte_of_a_body_is_refused),
		cmocka_unit_test(truncated_text_is_refused_at_every_length),
		cmocka_unit_test(decryption_with_another_key_fails),
		cmocka_unit_test(crlf_line_ends_are_read),
		cmocka_unit_test(header_order_case_and_x_prefix_do_not_matter),
		cmocka_unit_test(detached_multipart_form_is_read),
		cmocka_unit_test(exact_issuer_is_demanded_of_an_ephemeral_signer),
		cmocka_unit_test(sealed_content_of_any_size_opens_again),
		cmocka_unit_test(inflate_stops_at_its_bound),
		cmocka_unit_test(inflate_beyond_its_bound_is_refused),
		cmocka_unit_test(incomplete_or_continued_stream_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
