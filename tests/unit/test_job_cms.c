/* SPDX-License-Identifier: Apache-2.0 */
/* The cms job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include <openssl/cms.h>

#include "certificate.h"
#include "cleanup.h"
#include "json.h"
#include "support/job_case.h"
#include "support/vectors.h"
#include "text.h"

#define OPTIONS(value) "{\"options\":" value "}"

static CMS_ContentInfo *read_pem(const char *text)
{
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms = PEM_read_bio_CMS(bio, NULL, NULL, NULL);

	assert_non_null(cms);
	return cms;
}

static CMS_ContentInfo *make_cms(struct job_case *job_case, const char *request)
{
	CLEANUP(free) char *text = job_case_run(job_case, "cms", request);

	assert_int_equal(strncmp(text, "-----BEGIN CMS-----\n", 20), 0);
	return read_pem(text);
}

/* The content, after verification against the CA alone. */
static void assert_content(
	struct job_case *job_case, CMS_ContentInfo *cms, const void *expected, size_t expected_len)
{
	CLEANUP(bio) BIO *out = BIO_new(BIO_s_mem());
	CLEANUP(x509_store) X509_STORE *store = X509_STORE_new();
	char *data = NULL;

	X509_STORE_add_cert(store, job_case->ca.cert);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), VECTOR_TIME_S);
	X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
	assert_int_equal(CMS_verify(cms, NULL, store, NULL, out, CMS_BINARY), 1);
	assert_int_equal(BIO_get_mem_data(out, &data), expected_len);
	assert_memory_equal(data, expected, expected_len);
}

static bool has_attribute(CMS_ContentInfo *cms, int nid)
{
	CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);

	return CMS_signed_get_attr_by_NID(signer, nid, -1) >= 0;
}

static void recorded_request_is_signed_as_it_asks(void **state)
{
	CLEANUP(json) json_t *plain = vector_json("run_rsa", "42_cms_request_plain.json");
	CLEANUP(free) char *request = json_print(json_object_get(plain, "request"));
	CLEANUP(cms) CMS_ContentInfo *cms = make_cms(*state, request);
	char type[64] = { 0 };

	OBJ_obj2txt(type, sizeof(type), CMS_get0_eContentType(cms), 1);
	assert_string_equal(type, "1.2.840.113549.1.9.16.1.4");
	assert_false(has_attribute(cms, NID_SMIMECapabilities));
	assert_true(has_attribute(cms, NID_pkcs9_contentType));
	assert_true(has_attribute(cms, NID_pkcs9_messageDigest));
	assert_content(*state, cms, "hello cms", 9);
}

static void defaults_give_plain_data_with_capabilities(void **state)
{
	CLEANUP(cms) CMS_ContentInfo *cms = make_cms(*state, OPTIONS("{\"data\":\"a\\nb\"}"));

	assert_int_equal(OBJ_obj2nid(CMS_get0_eContentType(cms)), NID_pkcs7_data);
	assert_true(has_attribute(cms, NID_SMIMECapabilities));
	assert_content(*state, cms, "a\nb", 3);
}

static void signing_time_is_the_corrected_clock(void **state)
{
	CLEANUP(cms) CMS_ContentInfo *cms = make_cms(*state, OPTIONS("{\"data\":\"a\"}"));
	CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	ASN1_OBJECT *object = OBJ_nid2obj(NID_pkcs9_signingTime);
	const ASN1_UTCTIME *time = CMS_signed_get0_data_by_OBJ(signer, object, -3, V_ASN1_UTCTIME);

	assert_non_null(time);
	assert_memory_equal(ASN1_STRING_get0_data(time), "261123153700Z", 13);
}

static void every_encoding_is_decoded(void **state)
{
	static const struct {
		const char *request;
		const char *expected;
		size_t len;
	} cases[] = {
		{ OPTIONS("{\"data\":\"ü\",\"encoding\":\"utf8\"}"), "\xC3\xBC", 2 },
		{ OPTIONS("{\"data\":\"ü\",\"encoding\":\"latin1\"}"), "\xFC", 1 },
		{ OPTIONS("{\"data\":\"AP8=\",\"encoding\":\"base64\"}"), "\0\xFF", 2 },
		{ OPTIONS("{\"data\":\"00ff\",\"encoding\":\"hex\"}"), "\0\xFF", 2 },
		{ OPTIONS("{\"data\":\"-_8\",\"encoding\":\"binary\"}"), "\xFB\xFF", 2 },
		{ OPTIONS("{\"data\":\"-_8=\",\"encoding\":\"binary\"}"), "\xFB\xFF", 2 },
		{ OPTIONS("{\"data\":\"\",\"encoding\":null}"), "", 0 },
		{ OPTIONS("{\"data\":\"\",\"encoding\":\"base64\"}"), "", 0 },
		{ OPTIONS("{\"data\":\"\",\"encoding\":\"binary\"}"), "", 0 },
		{ OPTIONS("{\"data\":\"\",\"encoding\":\"hex\"}"), "", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(cms) CMS_ContentInfo *cms = make_cms(*state, cases[i].request);

		assert_content(*state, cms, cases[i].expected, cases[i].len);
	}
}

static void der_comes_as_base64(void **state)
{
	CLEANUP(free)
	char *text = job_case_run(*state, "cms", OPTIONS("{\"data\":\"a\",\"outform\":\"DER\"}"));
	size_t len = 0;
	CLEANUP(free) uint8_t *der = text_from_base64(text, strlen(text), &len);
	const uint8_t *at = der;
	CLEANUP(cms) CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);

	assert_non_null(cms);
	assert_ptr_equal(at, der + len);
	assert_content(*state, cms, "a", 1);
}

static void smime_has_the_header_of_the_protocol(void **state)
{
	static const char header[] =
		"MIME-Version: 1.0\n"
		"Content-Disposition: attachment; filename=\"smime.p7m\"\n"
		"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=\"smime.p7m\"\n"
		"Content-Transfer-Encoding: base64\n\nMI";
	CLEANUP(free)
	char *text = job_case_run(*state, "cms", OPTIONS("{\"data\":\"a\",\"outform\":\"SMIME\"}"));

	assert_int_equal(strncmp(text, header, strlen(header)), 0);
	assert_string_equal(text + strlen(text) - 2, "\n\n");
	assert_null(strchr(text, '\r'));
}

static void added_certificates_come_once_and_never_the_signer_twice(void **state)
{
	struct job_case *job_case = *state;
	CLEANUP(x509) X509 *other = vector_cert("keys", "platform_ca.pem");
	CLEANUP(free) char *own_pem = certificate_pem(job_case->ca.cert);
	CLEANUP(free) char *other_pem = certificate_pem(other);
	CLEANUP(free) char *bundle = NULL;

	assert_true(asprintf(&bundle, "%s%s%s", other_pem, own_pem, other_pem) > 0);
	CLEANUP(json)
	json_t *request = json_pack("{s:{s:s, s:s}}", "options", "data", "a", "addcerts", bundle);
	CLEANUP(free) char *json = json_print(request);
	CLEANUP(cms) CMS_ContentInfo *cms = make_cms(job_case, json);
	CLEANUP(x509_stack) STACK_OF(X509) *certs = CMS_get1_certs(cms);

	assert_int_equal(sk_X509_num(certs), 2);
	assert_content(job_case, cms, "a", 1);
}

static void bad_options_are_refused(void **state)
{
	static const struct {
		const char *request;
		const char *cause;
	} cases[] = {
		{ "{}", "Invalid options: must be an object" },
		{ OPTIONS("{}"), "Invalid data: must be a text" },
		{ OPTIONS("{\"data\":7}"), "Invalid data: must be a text" },
		{ OPTIONS("{\"data\":\"a\",\"encoding\":\"rot13\"}"), "Invalid encoding: rot13" },
		{ OPTIONS("{\"data\":\"a\",\"encoding\":[1]}"),
			"Invalid encoding: must be a text" },
		{ OPTIONS("{\"data\":\"€\",\"encoding\":\"latin1\"}"),
			"Invalid data: it is no latin1 text" },
		{ OPTIONS("{\"data\":\"0\",\"encoding\":\"hex\"}"),
			"Invalid data: it is no hex text" },
		{ OPTIONS("{\"data\":\"!\",\"encoding\":\"base64\"}"),
			"Invalid data: it is no base64 text" },
		{ OPTIONS("{\"data\":\"a\",\"encoding\":\"binary\"}"),
			"Invalid data: it is no binary text" },
		{ OPTIONS("{\"data\":\"a\",\"outform\":\"XML\"}"), "Invalid outform: XML" },
		{ OPTIONS("{\"data\":\"a\",\"contenttype\":\"data\"}"),
			"Invalid contenttype: data" },
		{ OPTIONS("{\"data\":\"a\",\"addcerts\":\"x\"}"),
			"Invalid addcerts: needs 1 to 16 certificates in PEM" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		job_case_assert_fails(*state, "cms", cases[i].request, cases[i].cause);
}

static void token_key_signs_a_message(void **state)
{
	CLEANUP(cms) CMS_ContentInfo *cms = make_cms(*state, OPTIONS("{\"data\":\"a\"}"));

	assert_int_equal(sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)), 1);
	assert_content(*state, cms, "a", 1);
}

static void ed25519_ca_is_refused_by_name(void **state)
{
	job_case_assert_fails(*state, "cms", OPTIONS("{\"data\":\"a\"}"),
		"CMS with Ed25519 keys is not supported");
}

#define WITH(setup, test)                                                                          \
	cmocka_unit_test_setup_teardown(test, job_case_setup_##setup, job_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(rsa, recorded_request_is_signed_as_it_asks),
		WITH(ec, recorded_request_is_signed_as_it_asks),
		WITH(ec, defaults_give_plain_data_with_capabilities),
		WITH(ec, signing_time_is_the_corrected_clock),
		WITH(ec, every_encoding_is_decoded),
		WITH(ec, der_comes_as_base64),
		WITH(ec, smime_has_the_header_of_the_protocol),
		WITH(ec, added_certificates_come_once_and_never_the_signer_twice),
		WITH(ec, bad_options_are_refused),
		WITH(rsa_token, token_key_signs_a_message),
		WITH(ec_token, token_key_signs_a_message),
		WITH(ed25519, ed25519_ca_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
