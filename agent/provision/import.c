/* SPDX-License-Identifier: Apache-2.0 */
/* Import of a signed certificate, alone or with the certificates of its issuers. */
#include "import.h"

#include <openssl/x509v3.h>

#include "certificate.h"
#include "cleanup.h"
#include "log.h"
#include "replace.h"

enum { SHA1_BYTES = 20 };

/* What this import has put into the store, to be taken out again if it fails. */
struct issuers {
	size_t count;
	uint64_t stored[CERTIFICATE_BUNDLE_MAX];
};

/* The first certificate of the bundle that has the key. */
static CK_RV find_own(struct subject *subject, STACK_OF(X509) * certs, X509 **own)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);
		CK_RV rv = subject_check_certificate(subject, cert);

		if (rv == CKR_OK)
			*own = cert;
		if (rv != CKR_IOTHSM_KEY_MISMATCH)
			return rv;
	}
	return CKR_IOTHSM_KEY_MISMATCH;
}

static bool is_issuer(X509 *issuer, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && X509_check_issued(issuer, cert) == X509_V_OK && X509_verify(cert, key) == 1;
}

static X509 *find_issuer(STACK_OF(X509) * certs, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *issuer = sk_X509_value(certs, i);

		if (X509_cmp(issuer, cert) != 0 && is_issuer(issuer, cert))
			return issuer;
	}
	return NULL;
}

/* As everybody computes it: the certificate's own identifier, else the SHA-1 of its key. */
static bool identifier_of(const X509 *cert, uint8_t id[EVP_MAX_MD_SIZE], size_t *len)
{
	ASN1_OCTET_STRING *own = X509_get_ext_d2i(cert, NID_subject_key_identifier, NULL, NULL);
	int own_len = own ? ASN1_STRING_length(own) : 0;
	bool usable = own_len > 0 && own_len <= EVP_MAX_MD_SIZE;

	if (usable) {
		*len = (size_t)own_len;
		memcpy(id, ASN1_STRING_get0_data(own), *len);
	}
	ASN1_OCTET_STRING_free(own);
	if (usable)
		return true;
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(cert);

	*len = SHA1_BYTES;
	return key && EVP_Q_digest(key_library(), "SHA1", NULL, ASN1_STRING_get0_data(key),
			      (size_t)ASN1_STRING_length(key), id, NULL) == 1;
}

static bool is_kept(const struct provision_token *token, const X509 *cert, struct bytes id)
{
	struct holdings found;

	if (holding_find_certificates(token, id, &found) != CKR_OK)
		return false;
	for (size_t i = 0; i < found.count; i++) {
		CLEANUP(x509) X509 *held = holding_certificate(token, &found.list[i]);

		if (held && X509_cmp(held, cert) == 0)
			return true;
	}
	return false;
}

static CK_RV keep_issuer(
	const struct provision_token *token, const X509 *cert, struct issuers *kept)
{
	uint8_t id[EVP_MAX_MD_SIZE];
	size_t len;

	if (!identifier_of(cert, id, &len))
		return CKR_IOTHSM_TEMPLATE_INVALID;
	if (is_kept(token, cert, bytes_of(id, len)))
		return CKR_OK;
	TRY(holding_store_certificate(token, cert, bytes_of(id, len), &kept->stored[kept->count]));
	kept->count++;
	return CKR_OK;
}

/* Bounded by the bundle: certificates that sign each other in a circle end it too. */
static CK_RV keep_issuers(const struct provision_token *token, STACK_OF(X509) * certs, X509 *own,
	struct issuers *kept)
{
	int seen = 1;

	for (X509 *cert = find_issuer(certs, own); cert && seen < sk_X509_num(certs); seen++) {
		TRY(keep_issuer(token, cert, kept));
		cert = find_issuer(certs, cert);
	}
	if (seen < sk_X509_num(certs))
		log_warn("provision: certificates of the bundle that are no issuer of the key's "
			 "are left out count=%d",
			sk_X509_num(certs) - seen);
	return CKR_OK;
}

static CK_RV keep_all(const struct subject *subject, STACK_OF(X509) * certs, X509 *own,
	const struct holdings *old)
{
	struct issuers kept = { 0 };
	CK_RV rv = keep_issuers(subject->token, certs, own, &kept);

	if (rv == CKR_OK)
		rv = replace_with(subject, own, old);
	while (rv != CKR_OK && kept.count > 0)
		(void)store_remove(subject->token->store, kept.stored[--kept.count]);
	return rv;
}

CK_RV import_certificate(struct subject *subject, struct bytes input, X509 **cert)
{
	CLEANUP(x509_stack) STACK_OF(X509) *certs = certificate_parse_bundle(key_library(), input);
	X509 *own = NULL;
	struct holdings old;

	if (!certs) {
		log_warn("provision: the input is no certificate or bundle in PEM or DER bytes=%zu",
			input.len);
		return CKR_IOTHSM_TEMPLATE_INVALID;
	}
	CK_RV rv = find_own(subject, certs, &own);

	if (rv == CKR_IOTHSM_KEY_MISMATCH)
		log_warn("provision: no certificate of the input has the public key of this "
			 "private key; check the id and the file");
	TRY(rv);
	TRY(replace_check(subject, &old));
	TRY(keep_all(subject, certs, own, &old));
	if (X509_up_ref(own) != 1)
		return CKR_HOST_MEMORY;
	*cert = own;
	return CKR_OK;
}
