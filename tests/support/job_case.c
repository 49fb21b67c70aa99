/* SPDX-License-Identifier: Apache-2.0 */
/* A CA with a software key for tests of signing jobs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "support/job_case.h"

#include "certificate.h"
#include "cleanup.h"
#include "json.h"
#include "key.h"
#include "support/vectors.h"
#include "text.h"

static struct job_case *case_new(X509 *cert, EVP_PKEY *key)
{
	struct job_case *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	assert_non_null(cert);
	assert_non_null(key);
	made->ca.cert = cert;
	made->ca.key = key;
	made->ca.now_s = VECTOR_TIME_S;
	return made;
}

int job_case_setup_rsa(void **state)
{
	*state =
		case_new(vector_cert("keys", "hsmca_rsa.pem"), vector_key("keys", "hsmca_rsa.key"));
	return 0;
}

int job_case_setup_ec(void **state)
{
	*state = case_new(vector_cert("keys", "hsmca_ec.pem"), vector_key("keys", "hsmca_ec.key"));
	return 0;
}

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();

	assert_non_null(cert);
	assert_true(certificate_set_random_serial(cert));
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
				 MBSTRING_UTF8, (const uint8_t *)"Test CA", -1, -1, 0),
		1);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), VECTOR_TIME_S - 86400));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), VECTOR_TIME_S + 86400));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(certificate_add_key_identifiers(cert, cert));
	assert_true(X509_sign(cert, key, NULL) > 0);
	return cert;
}

int job_case_setup_ed25519(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	assert_non_null(key);
	*state = case_new(self_signed(key), key);
	return 0;
}

int job_case_setup_p384(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");

	assert_non_null(key);
	*state = case_new(self_signed(key), key);
	return 0;
}

/* r || s, 32 bytes each, as CKM_ECDSA_SHA256 gives it. */
static CK_RV raw_signature(struct bytes der, uint8_t *signature, CK_ULONG *len)
{
	const uint8_t *at = der.data;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &at, (long)der.len);

	assert_non_null(parsed);
	assert_true(*len >= 64);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + 32, 32), 32);
	*len = 64;
	ECDSA_SIG_free(parsed);
	return CKR_OK;
}

static const struct token_mechanism {
	CK_MECHANISM_TYPE type;
	const char *digest;
	bool raw;
} token_mechanisms[] = {
	{ CKM_SHA256_RSA_PKCS, "SHA256", false },
	{ CKM_SHA384_RSA_PKCS, "SHA384", false },
	{ CKM_ECDSA_SHA256, "SHA256", true },
	{ CKM_ECDSA_SHA384, "SHA384", true },
};

static const struct token_mechanism *mechanism_find(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(token_mechanisms); i++) {
		if (token_mechanisms[i].type == type)
			return &token_mechanisms[i];
	}
	fail_msg("unexpected mechanism 0x%lx", type);
	return NULL;
}

static CK_RV token_sign(void *context, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	const struct token_mechanism *found = mechanism_find(mechanism->mechanism);
	CLEANUP(md_ctx) EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t made[512];
	size_t made_len = sizeof(made);

	assert_int_equal(
		EVP_DigestSignInit_ex(md, NULL, found->digest, NULL, NULL, context, NULL), 1);
	assert_int_equal(EVP_DigestSign(md, made, &made_len, message.data, message.len), 1);
	if (found->raw)
		return raw_signature(bytes_of(made, made_len), signature, len);
	assert_true(*len >= made_len);
	memcpy(signature, made, made_len);
	*len = made_len;
	return CKR_OK;
}

static CK_RV token_refuse(void *context, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	(void)context;
	(void)mechanism;
	(void)message;
	(void)signature;
	(void)len;
	return CKR_DEVICE_REMOVED;
}

/* Everything anew in the private library context, where the bridge has it. */
static void move_to_token(struct job_case *job_case, bool works)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = i2d_X509(job_case->ca.cert, &der);
	struct key_signer signer = { works ? token_sign : token_refuse, job_case->ca.key };
	X509 *cert = certificate_parse(key_library(), bytes_of(der, (size_t)len));

	assert_non_null(cert);
	X509_free(job_case->ca.cert);
	job_case->software_key = job_case->ca.key;
	job_case->ca.lib = key_library();
	job_case->ca.cert = cert;
	job_case->ca.key = key_new(X509_get0_pubkey(cert), &signer);
	assert_non_null(job_case->ca.key);
}

int job_case_setup_rsa_token(void **state)
{
	(void)job_case_setup_rsa(state);
	move_to_token(*state, true);
	return 0;
}

int job_case_setup_ec_token(void **state)
{
	(void)job_case_setup_ec(state);
	move_to_token(*state, true);
	return 0;
}

int job_case_setup_removed_token(void **state)
{
	(void)job_case_setup_ec(state);
	move_to_token(*state, false);
	return 0;
}

int job_case_teardown(void **state)
{
	struct job_case *job_case = *state;

	X509_free(job_case->ca.cert);
	EVP_PKEY_free(job_case->ca.key);
	EVP_PKEY_free(job_case->software_key);
	free(job_case);
	return 0;
}

json_t *job_case_json(const char *text)
{
	json_t *value = json_parse(bytes_of_text(text));

	if (!value)
		fail_msg("the test's own JSON is malformed: %s", text);
	return value;
}

json_t *job_case_csr_request(const char *options)
{
	size_t len = 0;
	CLEANUP(free) char *csr = vector_text("keys", "leaf.csr", &len);
	json_t *request = json_pack("{s:s, s:o}", "csr", csr, "options", job_case_json(options));

	assert_non_null(request);
	return request;
}

X509 *job_case_issue(struct job_case *job_case, const char *options)
{
	CLEANUP(json) json_t *request = job_case_csr_request(options);
	struct job_result result;
	X509 *cert;

	job_run(&job_case->ca, "csr", request, &result);
	if (!result.success)
		fail_msg("the job failed: %s", result.cause);
	cert = certificate_parse(NULL, bytes_of_text(result.text));
	assert_non_null(cert);
	assert_int_equal(X509_verify(cert, X509_get0_pubkey(job_case->ca.cert)), 1);
	free(result.text);
	return cert;
}

static void assert_failure(
	struct job_case *job_case, const char *signtype, const json_t *request, const char *cause)
{
	struct job_result result;

	job_run(&job_case->ca, signtype, request, &result);
	free(result.text);
	assert_false(result.success);
	assert_string_equal(result.cause, cause);
}

void job_case_assert_refused(struct job_case *job_case, const char *options, const char *cause)
{
	CLEANUP(json) json_t *request = job_case_csr_request(options);

	assert_failure(job_case, "csr", request, cause);
}

char *job_case_run(struct job_case *job_case, const char *signtype, const char *request)
{
	CLEANUP(json) json_t *parsed = job_case_json(request);
	struct job_result result;

	job_run(&job_case->ca, signtype, parsed, &result);
	if (!result.success)
		fail_msg("the job failed: %s", result.cause);
	assert_string_equal(result.cause, "");
	return result.text;
}

void job_case_assert_fails(
	struct job_case *job_case, const char *signtype, const char *request, const char *cause)
{
	CLEANUP(json) json_t *parsed = job_case_json(request);

	assert_failure(job_case, signtype, parsed, cause);
}

void job_case_extension(const X509 *cert, const char *oid, char *out, size_t size)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 0);
	int at = X509_get_ext_by_OBJ(cert, object, -1);
	const ASN1_OCTET_STRING *value;
	bool critical;
	size_t len;

	assert_non_null(object);
	ASN1_OBJECT_free(object);
	(void)snprintf(out, size, "absent");
	if (at < 0)
		return;
	value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	critical = X509_EXTENSION_get_critical(X509_get_ext(cert, at));
	len = (size_t)ASN1_STRING_length(value);
	assert_true(2 * len + sizeof("critical ") <= size);
	(void)snprintf(out, size, "%s", critical ? "critical " : "");
	text_hex(out + strlen(out), bytes_of(ASN1_STRING_get0_data(value), len));
}

void job_case_assert_extension(const X509 *cert, const char *oid, const char *expected)
{
	char found[2048];

	job_case_extension(cert, oid, found, sizeof(found));
	assert_string_equal(found, expected);
}

void job_case_assert_subject(const X509 *cert, const char *expected)
{
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());
	char text[4096] = { 0 };

	assert_true(X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
			    (XN_FLAG_ONELINE | XN_FLAG_SEP_COMMA_PLUS) & ~XN_FLAG_SPC_EQ &
				    ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SEP_CPLUS_SPC) >= 0);
	(void)BIO_read(bio, text, sizeof(text) - 1);
	assert_string_equal(text, expected);
}
