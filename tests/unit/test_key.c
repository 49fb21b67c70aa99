/* SPDX-License-Identifier: Apache-2.0 */
/* Keys over PKCS#11: every structure that OpenSSL signs with them verifies without them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iothsm/iothsm.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"
#include "support/softhsm.h"

static const struct softhsm *softhsm;
static atomic_int signatures;

struct test_key {
	struct key_session session;
	EVP_PKEY *public_key;
	EVP_PKEY *key;
};
static struct test_key keys[SOFTHSM_KEY_KINDS];

static CK_RV count_and_sign(void *context, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	atomic_fetch_add(&signatures, 1);
	return key_sign_in_session(context, mechanism, message, signature, len);
}

static int setup(void **state)
{
	if (softhsm_setup(state) != 0)
		return -1;
	softhsm = *state;
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		struct test_key *key = &keys[kind];
		struct key_signer signer = { count_and_sign, &key->session };
		CK_OBJECT_HANDLE public_key;

		key->session = (struct key_session){ softhsm->functions, softhsm->slot,
			softhsm->session, CK_INVALID_HANDLE };
		softhsm_generate(softhsm, (enum softhsm_key)kind, (CK_BYTE)(kind + 1), &public_key,
			&key->session.private_key);
		if (key_find_public(&key->session, &key->public_key) != CKR_OK)
			return -1;
		key->key = key_new(key->public_key, &signer);
		if (!key->key)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		EVP_PKEY_free(keys[kind].key);
		EVP_PKEY_free(keys[kind].public_key);
	}
	return softhsm_teardown(state);
}

static const EVP_MD *digest_of(const struct test_key *key)
{
	const char *name = certificate_digest_for(key->public_key, NULL);

	return name[0] ? EVP_get_digestbyname(name) : NULL;
}

/* DER by which a structure is read again, so that no cached key of ours is used to verify it. */
static X509 *reread(const X509 *cert)
{
	uint8_t *der = NULL;
	int len = certificate_der(cert, &der);
	X509 *again = certificate_parse(key_library(), bytes_of(der, (size_t)len));

	OPENSSL_free(der);
	return again;
}

static X509 *make_certificate(const struct test_key *key)
{
	X509 *cert = X509_new_ex(key_library(), NULL);
	X509_NAME *name = X509_get_subject_name(cert);

	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_true(certificate_set_random_serial(cert));
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				 (const unsigned char *)"test", -1, -1, 0),
		1);
	assert_int_equal(X509_set_issuer_name(cert, name), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	assert_int_equal(X509_set_pubkey(cert, key->public_key), 1);
	assert_true(certificate_add_key_identifiers(cert, cert));
	return cert;
}

/* The digest's name, NULL for keys that have none. */
static const char *digest_name(const struct test_key *key)
{
	const char *name = certificate_digest_for(key->public_key, NULL);

	return name[0] ? name : NULL;
}

static bool start(EVP_MD_CTX *ctx, const struct test_key *key, EVP_PKEY_CTX **pkey_ctx)
{
	return EVP_DigestSignInit_ex(
		       ctx, pkey_ctx, digest_name(key), key_library(), NULL, key->key, NULL) == 1;
}

static void certificates_of_every_key_verify(void **state)
{
	(void)state;
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CLEANUP(x509) X509 *cert = make_certificate(&keys[kind]);
		CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		assert_true(start(ctx, &keys[kind], NULL));
		assert_true(X509_sign_ctx(cert, ctx) > 0);

		CLEANUP(x509) X509 *again = reread(cert);
		assert_int_equal(X509_verify(again, keys[kind].public_key), 1);
	}
}

static void requests_of_every_key_verify(void **state)
{
	(void)state;
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CLEANUP(x509_req) X509_REQ *request = X509_REQ_new_ex(key_library(), NULL);
		CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		assert_int_equal(X509_REQ_set_pubkey(request, keys[kind].public_key), 1);
		assert_true(start(ctx, &keys[kind], NULL));
		assert_true(X509_REQ_sign_ctx(request, ctx) > 0);

		assert_int_equal(X509_REQ_verify(request, keys[kind].public_key), 1);
	}
}

static void revocation_lists_of_every_key_verify(void **state)
{
	(void)state;
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CLEANUP(x509_crl) X509_CRL *crl = X509_CRL_new_ex(key_library(), NULL);
		CLEANUP(x509) X509 *cert = make_certificate(&keys[kind]);
		CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

		assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
		assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(cert)), 1);
		assert_int_equal(X509_CRL_set1_lastUpdate(crl, now), 1);
		assert_true(start(ctx, &keys[kind], NULL));
		assert_true(X509_CRL_sign_ctx(crl, ctx) > 0);

		assert_int_equal(X509_CRL_verify(crl, keys[kind].public_key), 1);
		ASN1_TIME_free(now);
	}
}

static X509 *signed_certificate(const struct test_key *key)
{
	CLEANUP(x509) X509 *cert = make_certificate(key);

	assert_true(X509_sign(cert, key->key, digest_of(key)) > 0);
	return reread(cert);
}

/* The structure as it travels, verified against the certificate as its own anchor. */
static bool cms_verifies(CMS_ContentInfo *cms, X509 *cert, const char *content)
{
	CLEANUP(openssl) unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);
	const unsigned char *next = der;
	CLEANUP(cms) CMS_ContentInfo *again = CMS_ContentInfo_new_ex(key_library(), NULL);
	CLEANUP(x509_store) X509_STORE *store = X509_STORE_new();
	CLEANUP(bio) BIO *out = BIO_new(BIO_s_mem());
	char *text;

	assert_non_null(d2i_CMS_ContentInfo(&again, &next, len));
	assert_int_equal(X509_STORE_add_cert(store, cert), 1);
	assert_int_equal(X509_STORE_set_purpose(store, X509_PURPOSE_ANY), 1);
	if (CMS_verify(again, NULL, store, NULL, out, CMS_BINARY) != 1)
		return false;
	return bytes_equal(
		bytes_of_text(content), bytes_of(text, (size_t)BIO_get_mem_data(out, &text)));
}

static void cms_of_rsa_and_ecdsa_keys_verifies(void **state)
{
	static const char content[] = "content to sign";

	(void)state;
	for (int kind = 0; kind <= SOFTHSM_P521; kind++) {
		CLEANUP(x509) X509 *cert = signed_certificate(&keys[kind]);
		CLEANUP(bio) BIO *in = BIO_new_mem_buf(content, sizeof(content) - 1);
		CLEANUP(cms)
		CMS_ContentInfo *cms = CMS_sign_ex(NULL, NULL, NULL, NULL,
			CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP, key_library(), NULL);

		assert_non_null(CMS_add1_signer(
			cms, cert, keys[kind].key, digest_of(&keys[kind]), CMS_BINARY));
		assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);

		assert_true(cms_verifies(cms, cert, content));
	}
}

static void cms_signs_in_one_call_too(void **state)
{
	static const char content[] = "content to sign";

	(void)state;
	CLEANUP(x509) X509 *cert = signed_certificate(&keys[SOFTHSM_P256]);
	CLEANUP(bio) BIO *in = BIO_new_mem_buf(content, sizeof(content) - 1);
	CLEANUP(cms)
	CMS_ContentInfo *cms = CMS_sign_ex(
		cert, keys[SOFTHSM_P256].key, NULL, in, CMS_BINARY, key_library(), NULL);

	assert_non_null(cms);
	assert_true(cms_verifies(cms, cert, content));
}

static void cms_refuses_the_certificate_of_another_key(void **state)
{
	(void)state;
	CLEANUP(x509) X509 *cert = signed_certificate(&keys[SOFTHSM_P256]);
	CLEANUP(cms)
	CMS_ContentInfo *cms =
		CMS_sign_ex(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_BINARY, key_library(), NULL);

	assert_null(CMS_add1_signer(cms, cert, keys[SOFTHSM_P384].key, NULL, CMS_BINARY));
}

/* The oracle knows no EVP signing: tbs, algorithm and signature are put together as DER by hand. */
static size_t put_header(uint8_t *out, uint8_t tag, size_t len)
{
	out[0] = tag;
	out[1] = 0x82;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	return 4;
}

static X509 *splice(const X509 *unsigned_cert, const struct test_key *key)
{
	static const uint8_t sha256_rsa[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
		0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00 };
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CLEANUP(openssl) unsigned char *tbs = NULL;
	int tbs_len = i2d_re_X509_tbs((X509 *)(uintptr_t)unsigned_cert, &tbs);
	uint8_t signature[256], der[4096];
	CK_ULONG len = sizeof(signature);
	size_t at = 0;

	assert_int_equal(key_sign_in_session((void *)(uintptr_t)&key->session, &mechanism,
				 bytes_of(tbs, (size_t)tbs_len), signature, &len),
		CKR_OK);
	at += put_header(der, 0x30, (size_t)tbs_len + sizeof(sha256_rsa) + 5 + len);
	memcpy(der + at, tbs, (size_t)tbs_len);
	at += (size_t)tbs_len;
	memcpy(der + at, sha256_rsa, sizeof(sha256_rsa));
	at += sizeof(sha256_rsa);
	at += put_header(der + at, 0x03, len + 1);
	der[at++] = 0;
	memcpy(der + at, signature, len);
	return certificate_parse(key_library(), bytes_of(der, at + len));
}

static void certificate_equals_the_one_spliced_by_hand(void **state)
{
	(void)state;
	const struct test_key *key = &keys[SOFTHSM_RSA_2048];
	CLEANUP(x509) X509 *cert = make_certificate(key);
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_true(start(ctx, key, NULL));
	assert_true(X509_sign_ctx(cert, ctx) > 0);

	/* PKCS#1 signatures are deterministic, so the two must be equal byte for byte. */
	CLEANUP(x509) X509 *spliced = splice(cert, key);
	CLEANUP(x509) X509 *again = reread(cert);
	assert_non_null(spliced);
	assert_int_equal(X509_verify(spliced, key->public_key), 1);
	assert_int_equal(X509_cmp(spliced, again), 0);
}

static void pss_certificate_verifies(void **state)
{
	(void)state;
	const struct test_key *key = &keys[SOFTHSM_RSA_2048];
	CLEANUP(x509) X509 *cert = make_certificate(key);
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey_ctx;

	assert_true(start(ctx, key, &pkey_ctx));
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING), 1);
	assert_true(X509_sign_ctx(cert, ctx) > 0);

	CLEANUP(x509) X509 *again = reread(cert);
	assert_int_equal(X509_get_signature_nid(again), NID_rsassaPss);
	assert_int_equal(X509_verify(again, key->public_key), 1);
}

static void length_query_never_touches_the_token(void **state)
{
	(void)state;
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++) {
		CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		int before = atomic_load(&signatures);
		size_t len = 0;

		assert_true(start(ctx, &keys[kind], NULL));
		assert_int_equal(EVP_DigestSign(ctx, NULL, &len, (const unsigned char *)"x", 1), 1);

		assert_int_equal(len, EVP_PKEY_get_size(keys[kind].public_key));
		assert_int_equal(atomic_load(&signatures), before);
	}
}

static bool sign_and_verify(const struct test_key *key, const char *text)
{
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP(md_ctx) EVP_MD_CTX *check = EVP_MD_CTX_new();
	const unsigned char *message = (const unsigned char *)text;
	unsigned char signature[512];
	size_t len = sizeof(signature);

	return start(ctx, key, NULL) &&
	       EVP_DigestSign(ctx, signature, &len, message, strlen(text)) == 1 &&
	       EVP_DigestVerifyInit_ex(check, NULL, digest_name(key), key_library(), NULL,
		       key->public_key, NULL) == 1 &&
	       EVP_DigestVerify(check, signature, len, message, strlen(text)) == 1;
}

static void message_in_parts_equals_one_part(void **state)
{
	(void)state;
	const struct test_key *key = &keys[SOFTHSM_RSA_2048];
	CLEANUP(md_ctx) EVP_MD_CTX *whole = EVP_MD_CTX_new();
	CLEANUP(md_ctx) EVP_MD_CTX *parts = EVP_MD_CTX_new();
	unsigned char first[256], second[256];
	size_t first_len = sizeof(first), second_len = sizeof(second);

	assert_true(start(whole, key, NULL) && start(parts, key, NULL));
	assert_int_equal(
		EVP_DigestSign(whole, first, &first_len, (const unsigned char *)"one two", 7), 1);
	assert_int_equal(EVP_DigestSignUpdate(parts, "one", 3), 1);
	assert_int_equal(EVP_DigestSignUpdate(parts, " two", 4), 1);
	assert_int_equal(EVP_DigestSignFinal(parts, second, &second_len), 1);

	assert_int_equal(first_len, second_len);
	assert_memory_equal(first, second, first_len);
}

static void private_key_is_never_exported(void **state)
{
	unsigned char *der = NULL;

	(void)state;
	for (int kind = 0; kind < SOFTHSM_KEY_KINDS; kind++)
		assert_true(i2d_PrivateKey(keys[kind].key, &der) <= 0);
}

static CK_RV fail_always(void *context, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	(void)context;
	(void)mechanism;
	(void)message;
	(void)signature;
	(void)len;
	return CKR_DEVICE_REMOVED;
}

static void failure_of_the_token_is_told(void **state)
{
	(void)state;
	struct test_key broken = keys[SOFTHSM_P256];
	struct key_signer signer = { fail_always, NULL };

	broken.key = key_new(broken.public_key, &signer);

	assert_false(sign_and_verify(&broken, "text"));
	assert_int_equal(key_last_error(), CKR_DEVICE_REMOVED);
	assert_true(sign_and_verify(&keys[SOFTHSM_P256], "text"));
	assert_int_equal(key_last_error(), CKR_OK);
	EVP_PKEY_free(broken.key);
}

/* One key, many threads: the signer decides on the session, here by a lock. */
static pthread_mutex_t one_session = PTHREAD_MUTEX_INITIALIZER;

static CK_RV sign_in_turn(void *context, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	(void)pthread_mutex_lock(&one_session);
	CK_RV rv = key_sign_in_session(context, mechanism, message, signature, len);

	(void)pthread_mutex_unlock(&one_session);
	return rv;
}

static void *sign_many(void *context)
{
	static int failed;

	for (int i = 0; i < 50; i++) {
		if (!sign_and_verify(context, "from many threads"))
			return &failed;
	}
	return NULL;
}

static void one_key_serves_many_threads(void **state)
{
	(void)state;
	struct test_key shared = keys[SOFTHSM_P256];
	struct key_signer signer = { sign_in_turn, &keys[SOFTHSM_P256].session };
	pthread_t threads[4];

	shared.key = key_new(shared.public_key, &signer);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &shared), 0);

	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	EVP_PKEY_free(shared.key);
}

static void destroy_public_object(CK_BYTE id)
{
	CK_OBJECT_HANDLE object;

	assert_int_equal(softhsm_count(softhsm, CKO_PUBLIC_KEY, &id, &object), 1);
	assert_int_equal(softhsm->functions->C_DestroyObject(softhsm->session, object), CKR_OK);
}

static void public_key_is_found_in_the_certificate(void **state)
{
	(void)state;
	CK_BYTE id = 0x55;
	struct test_key key = { .session = keys[SOFTHSM_P256].session };
	CK_OBJECT_HANDLE public_key, object;
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BYTE subject = 0;
	CLEANUP(pkey) EVP_PKEY *before = NULL;
	CLEANUP(pkey) EVP_PKEY *none = NULL;
	CLEANUP(pkey) EVP_PKEY *after = NULL;

	softhsm_generate(softhsm, SOFTHSM_P256, id, &public_key, &key.session.private_key);
	assert_int_equal(key_find_public(&key.session, &before), CKR_OK);
	destroy_public_object(id);
	assert_int_equal(key_find_public(&key.session, &none), CKR_IOTHSM_NO_KEY);
	key.public_key = before;
	CLEANUP(x509) X509 *cert = make_certificate(&key);
	CLEANUP(openssl) uint8_t *der = NULL;
	struct key_signer signer = { key_sign_in_session, &key.session };
	CLEANUP(pkey) EVP_PKEY *signing = key_new(before, &signer);

	assert_true(X509_sign(cert, signing, EVP_sha256()) > 0);
	CK_ATTRIBUTE list[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_CERTIFICATE_TYPE, &type, sizeof(type) }, { CKA_ID, &id, 1 },
		{ CKA_SUBJECT, &subject, 1 }, { CKA_VALUE, NULL, 0 } };

	list[4].ulValueLen = (CK_ULONG)certificate_der(cert, &der);
	list[4].pValue = der;
	assert_int_equal(
		softhsm->functions->C_CreateObject(softhsm->session, list, 5, &object), CKR_OK);

	assert_int_equal(key_find_public(&key.session, &after), CKR_OK);
	assert_int_equal(EVP_PKEY_eq(before, after), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_of_every_key_verify),
		cmocka_unit_test(requests_of_every_key_verify),
		cmocka_unit_test(revocation_lists_of_every_key_verify),
		cmocka_unit_test(cms_of_rsa_and_ecdsa_keys_verifies),
		cmocka_unit_test(cms_signs_in_one_call_too),
		cmocka_unit_test(cms_refuses_the_certificate_of_another_key),
		cmocka_unit_test(certificate_equals_the_one_spliced_by_hand),
		cmocka_unit_test(pss_certificate_verifies),
		cmocka_unit_test(length_query_never_touches_the_token),
		cmocka_unit_test(message_in_parts_equals_one_part),
		cmocka_unit_test(private_key_is_never_exported),
		cmocka_unit_test(failure_of_the_token_is_told),
		cmocka_unit_test(one_key_serves_many_threads),
		cmocka_unit_test(public_key_is_found_in_the_certificate),
	};

	return cmocka_run_group_tests_name("key", tests, setup, teardown);
}
