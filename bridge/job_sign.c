/* SPDX-License-Identifier: Apache-2.0 */
/* Signing with the CA's key; nothing leaves before it was read again and verified with the CA's
 * certificate. */
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "certificate.h"
#include "cleanup.h"
#include "job_parts.h"
#include "key.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

/* What the request asks for goes before what the key's size suggests. */
static const char *digest_for(const EVP_PKEY *key, const char *hash)
{
	const char *suggested = certificate_digest_for(key, NULL);
	const char *asked = certificate_digest_named(hash);

	return asked && *suggested ? asked : suggested;
}

void job_sign_digest(const struct job_ca *ca, const char *hash, char digest[32])
{
	/* A key that is bound to one hash (Cloud KMS) has it as its mandatory digest. */
	if (EVP_PKEY_get_default_digest_name(ca->key, digest, 32) == 2) {
		if (strcmp(digest, "UNDEF") == 0)
			digest[0] = '\0';
		return;
	}
	(void)snprintf(digest, 32, "%s", digest_for(ca->key, hash));
}

CK_RV job_sign_failed(struct job_cause *cause)
{
	CK_RV rv = key_last_error();
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (rv != CKR_OK)
		return job_cause_fail(cause,
			"The CA key could not sign: the token answered 0x%lx; check the token", rv);
	return job_cause_fail(
		cause, "The CA key could not sign: %s", reason ? reason : "no reason was given");
}

static EVP_MD_CTX *context_new(const struct job_ca *ca, const char *hash)
{
	CLEANUP(md_ctx) EVP_MD_CTX *context = EVP_MD_CTX_new();
	char digest[32];

	job_sign_digest(ca, hash, digest);
	if (!context || !EVP_DigestSignInit_ex(context, NULL, *digest ? digest : NULL, ca->lib,
				JOB_PROPERTIES, ca->key, NULL))
		return NULL;
	return steal(&context);
}

/* The certificate's own cached key may be the token's, which can only sign. */
static EVP_PKEY *public_key_of(const struct job_ca *ca)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca->cert), &der);
	const uint8_t *at = der;

	return len > 0 ? d2i_PUBKEY_ex(NULL, &at, len, ca->lib, JOB_PROPERTIES) : NULL;
}

static CK_RV refuse_unverified(struct job_cause *cause)
{
	return job_cause_fail(cause,
		"The new signature does not verify with the CA's certificate; nothing was issued");
}

CK_RV job_sign_begin(const struct job_ca *ca, EVP_PKEY *public_key, X509_NAME *subject,
	struct job_cause *cause, X509 **cert)
{
	CLEANUP(x509) X509 *made = X509_new_ex(ca->lib, JOB_PROPERTIES);

	if (!made || !X509_set_version(made, X509_VERSION_3) ||
		!certificate_set_random_serial(made) || !X509_set_subject_name(made, subject) ||
		!X509_set_issuer_name(made, X509_get_subject_name(ca->cert)))
		return job_cause_memory(cause);
	if (!X509_set_pubkey(made, public_key))
		return job_cause_refuse(
			cause, "Invalid csr: a public key of this kind cannot be certified");
	if (!certificate_add_key_identifiers(made, ca->cert))
		return job_cause_fail(
			cause, "The key identifiers could not be made from the CA's certificate");
	*cert = steal(&made);
	return CKR_OK;
}

CK_RV job_sign_certificate(const struct job_ca *ca, X509 *unsigned_cert, const char *hash,
	struct job_cause *cause, X509 **cert)
{
	CLEANUP(md_ctx) EVP_MD_CTX *context = context_new(ca, hash);
	CLEANUP(pkey) EVP_PKEY *public_key = public_key_of(ca);
	CLEANUP(x509) X509 *copy = X509_new_ex(ca->lib, JOB_PROPERTIES);
	CLEANUP(openssl) uint8_t *der = NULL;
	const uint8_t *at;
	int len;

	if (!context || X509_sign_ctx(unsigned_cert, context) <= 0)
		return job_sign_failed(cause);
	len = i2d_X509(unsigned_cert, &der);
	at = der;
	if (len <= 0 || !copy || !d2i_X509(&copy, &at, len) || !public_key ||
		X509_verify(copy, public_key) != 1)
		return refuse_unverified(cause);
	*cert = steal(&copy);
	return CKR_OK;
}

CK_RV job_sign_crl(
	const struct job_ca *ca, X509_CRL *unsigned_crl, struct job_cause *cause, X509_CRL **crl)
{
	CLEANUP(md_ctx) EVP_MD_CTX *context = context_new(ca, NULL);
	CLEANUP(pkey) EVP_PKEY *public_key = public_key_of(ca);
	CLEANUP(x509_crl) X509_CRL *copy = X509_CRL_new_ex(ca->lib, JOB_PROPERTIES);
	CLEANUP(openssl) uint8_t *der = NULL;
	const uint8_t *at;
	int len;

	if (!context || X509_CRL_sign_ctx(unsigned_crl, context) <= 0)
		return job_sign_failed(cause);
	len = i2d_X509_CRL(unsigned_crl, &der);
	at = der;
	if (len <= 0 || !copy || !d2i_X509_CRL(&copy, &at, len) || !public_key ||
		X509_CRL_verify(copy, public_key) != 1)
		return refuse_unverified(cause);
	*crl = steal(&copy);
	return CKR_OK;
}

CK_RV job_sign_text(BIO *bio, struct job_cause *cause, char **text)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0 || len > TEXT_MAX)
		return job_cause_memory(cause);
	*text = strndup(data, (size_t)len);
	return *text ? CKR_OK : job_cause_memory(cause);
}
