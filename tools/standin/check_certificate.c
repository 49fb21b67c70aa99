/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an issued certificate is what the csr job asked for. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "check.h"
#include "cleanup.h"
#include "expect.h"
#include "json.h"

/* A product beside what it was made of. */
struct issued {
	const struct check_job *job;
	const json_t *options; /* NULL when the request gives none */
	X509_REQ *csr;
	X509 *cert;
};

static bool is_signed_by_ca(const struct issued *it)
{
	return X509_verify(it->cert, X509_get0_pubkey(it->job->ca)) == 1 &&
	       X509_NAME_cmp(X509_get_issuer_name(it->cert), X509_get_subject_name(it->job->ca)) ==
		       0;
}

static bool has_key_of_csr(const struct issued *it)
{
	return EVP_PKEY_eq(X509_get0_pubkey(it->cert), X509_REQ_get0_pubkey(it->csr)) == 1;
}

static bool has_version_and_serial(const struct issued *it)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(it->cert);

	return X509_get_version(it->cert) == X509_VERSION_3 &&
	       ASN1_STRING_type(serial) == V_ASN1_INTEGER && ASN1_STRING_length(serial) > 8 &&
	       ASN1_STRING_length(serial) <= 20;
}

static bool has_wanted_digest(const struct issued *it)
{
	int digest = NID_undef;

	if (X509_get_signature_info(it->cert, &digest, NULL, NULL, NULL) != 1)
		return false;
	return digest ==
	       expect_digest_nid(X509_get0_pubkey(it->job->ca), json_text(it->options, "hash"));
}

/* With a subject in the options the string types are the platform's too. */
static bool has_wanted_subject(const struct issued *it)
{
	CLEANUP(x509_name) X509_NAME *wanted = expect_subject(it->options, it->csr);
	const X509_NAME *got = X509_get_subject_name(it->cert);
	const unsigned char *wanted_der = NULL, *got_der = NULL;
	size_t wanted_len = 0, got_len = 0;

	if (!wanted || i2d_X509_NAME(wanted, NULL) < 0)
		return false;
	if (!json_object_get(it->options, "subject"))
		return X509_NAME_cmp(wanted, got) == 0;
	return X509_NAME_get0_der(wanted, &wanted_der, &wanted_len) == 1 &&
	       X509_NAME_get0_der(got, &got_der, &got_len) == 1 &&
	       bytes_equal(bytes_of(wanted_der, wanted_len), bytes_of(got_der, got_len));
}

static bool has_wanted_validity(const struct issued *it)
{
	int64_t from = 0, to = 0;

	return expect_validity(it->options, it->job->now_s, &from, &to) &&
	       check_is_near(X509_get0_notBefore(it->cert), from) &&
	       check_is_near(X509_get0_notAfter(it->cert), to);
}

static bool same_extension(X509_EXTENSION *a, X509_EXTENSION *b)
{
	return OBJ_cmp(X509_EXTENSION_get_object(a), X509_EXTENSION_get_object(b)) == 0 &&
	       X509_EXTENSION_get_critical(a) == X509_EXTENSION_get_critical(b) &&
	       ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(a), X509_EXTENSION_get_data(b)) == 0;
}

static bool has_exactly(const X509 *cert, const X509_EXTENSIONS *wanted)
{
	if (X509_get_ext_count(cert) != sk_X509_EXTENSION_num(wanted))
		return false;
	for (int i = 0; i < sk_X509_EXTENSION_num(wanted); i++) {
		if (!same_extension(X509_get_ext(cert, i), sk_X509_EXTENSION_value(wanted, i)))
			return false;
	}
	return true;
}

/* Without options every extension that the CSR asks for must be there, in whatever order. */
static bool has_those_of_csr(const struct issued *it)
{
	X509_EXTENSIONS *asked = X509_REQ_get_extensions(it->csr);
	bool has = true;

	for (int i = 0; has && i < sk_X509_EXTENSION_num(asked); i++) {
		X509_EXTENSION *wanted = sk_X509_EXTENSION_value(asked, i);
		int at = X509_get_ext_by_OBJ(it->cert, X509_EXTENSION_get_object(wanted), -1);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(wanted));

		if (nid != NID_subject_key_identifier && nid != NID_authority_key_identifier)
			has = at >= 0 && same_extension(X509_get_ext(it->cert, at), wanted);
	}
	sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
	return has;
}

static bool has_wanted_extensions(const struct issued *it)
{
	if (!it->options)
		return has_those_of_csr(it);
	X509_EXTENSIONS *wanted = expect_extensions(it->options, it->cert, it->job->ca);
	bool has = wanted && has_exactly(it->cert, wanted);

	sk_X509_EXTENSION_pop_free(wanted, X509_EXTENSION_free);
	return has;
}

static const struct {
	bool (*holds)(const struct issued *it);
	const char *fault;
} rules[] = {
	{ is_signed_by_ca, "certificate: not signed by the CA" },
	{ has_key_of_csr, "certificate: not the key of the CSR" },
	{ has_version_and_serial, "certificate: wrong version or serial" },
	{ has_wanted_digest, "certificate: not the wanted digest" },
	{ has_wanted_subject, "certificate: not the wanted subject" },
	{ has_wanted_validity, "certificate: not the wanted validity" },
	{ has_wanted_extensions, "certificate: not the wanted extensions" },
};

const char *check_certificate(const struct check_job *job)
{
	const char *csr_pem = json_text(job->request, "csr");
	const json_t *options = json_object_get(job->request, "options");
	CLEANUP(bio) BIO *csr_bio = csr_pem ? BIO_new_mem_buf(csr_pem, -1) : NULL;
	CLEANUP(bio) BIO *cert_bio = BIO_new_mem_buf(job->text, -1);
	CLEANUP(x509_req)
	X509_REQ *csr = csr_bio ? PEM_read_bio_X509_REQ(csr_bio, NULL, NULL, NULL) : NULL;
	CLEANUP(x509)
	X509 *cert = cert_bio ? PEM_read_bio_X509(cert_bio, NULL, NULL, NULL) : NULL;

	if (!csr)
		return "certificate: the request has no CSR";
	if (!cert || !check_is_one_pem(job->text, "CERTIFICATE"))
		return "certificate: not one PEM block";
	const struct issued it = { job, json_is_object(options) ? options : NULL, csr, cert };

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (!rules[i].holds(&it))
			return rules[i].fault;
	}
	return NULL;
}
