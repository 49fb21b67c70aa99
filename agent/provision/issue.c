/* SPDX-License-Identifier: Apache-2.0 */
/* Self-signed certificates of a key: the root that a template describes, and the temporary one. */
#include "issue.h"

#include "certificate.h"
#include "cleanup.h"
#include "log.h"
#include "template.h"

enum { TEMPORARY_SECONDS = 365 * 24 * 3600 };

/* The DER goes to the token, so the DER is what must verify. */
static X509 *reread_and_verify(const struct subject *subject, const X509 *cert)
{
	CLEANUP(openssl) uint8_t *der = NULL;
	int len = certificate_der(cert, &der);
	CLEANUP(x509)
	X509 *again = len > 0 ? certificate_parse(key_library(), bytes_of(der, (size_t)len)) : NULL;

	if (!again || X509_verify(again, subject->public_key) != 1)
		return NULL;
	return steal(&again);
}

static CK_RV sign(
	const struct subject *subject, X509 *unsigned_cert, const char *wanted, X509 **cert)
{
	CLEANUP(md_ctx) EVP_MD_CTX *ctx = subject_begin_signature(subject, wanted);

	if (!ctx)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (X509_sign_ctx(unsigned_cert, ctx) <= 0)
		return subject_failure();
	X509 *verified = reread_and_verify(subject, unsigned_cert);

	if (!verified) {
		log_error("provision: the token's signature does not verify with the public key of "
			  "the same CKA_ID; check that the two belong together");
		return CKR_IOTHSM_KEY_MISMATCH;
	}
	*cert = verified;
	return CKR_OK;
}

/* All that self-signed certificates have in common; notBefore is now. */
static X509 *begin(const struct subject *subject, const X509_NAME *name)
{
	CLEANUP(x509) X509 *cert = X509_new_ex(key_library(), NULL);

	if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 ||
		!certificate_set_random_serial(cert) || X509_set_subject_name(cert, name) != 1 ||
		X509_set_issuer_name(cert, name) != 1 ||
		!X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
		X509_set_pubkey(cert, subject->public_key) != 1 ||
		!certificate_add_key_identifiers(cert, cert))
		return NULL;
	return steal(&cert);
}

static bool copy_extensions(X509 *cert, const X509 *template)
{
	STACK_OF(X509_EXTENSION) *list = template_extensions(template);
	bool copied = list;

	for (int i = 0; i < sk_X509_EXTENSION_num(list) && copied; i++)
		copied = X509_add_ext(cert, sk_X509_EXTENSION_value(list, i), -1) == 1;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return copied;
}

CK_RV issue_root(const struct subject *subject, X509 *template, X509 **cert)
{
	CLEANUP(x509) X509 *made = begin(subject, X509_get_subject_name(template));

	if (!made || X509_set1_notAfter(made, X509_get0_notAfter(template)) != 1 ||
		!copy_extensions(made, template))
		return CKR_HOST_MEMORY;
	return sign(subject, made, template_digest(template), cert);
}

static X509_NAME *temporary_name(void)
{
	static const unsigned char country[] = "US", common[] = CERTIFICATE_TEMPORARY_CN;
	CLEANUP(x509_name) X509_NAME *name = X509_NAME_new();

	if (!name ||
		X509_NAME_add_entry_by_NID(
			name, NID_countryName, MBSTRING_UTF8, country, -1, -1, 0) != 1 ||
		X509_NAME_add_entry_by_NID(
			name, NID_commonName, MBSTRING_UTF8, common, -1, -1, 0) != 1)
		return NULL;
	return steal(&name);
}

CK_RV issue_temporary(const struct subject *subject, X509 **cert)
{
	CLEANUP(x509_name) X509_NAME *name = temporary_name();
	CLEANUP(x509) X509 *made = name ? begin(subject, name) : NULL;

	if (!made || !X509_gmtime_adj(X509_getm_notAfter(made), TEMPORARY_SECONDS))
		return CKR_HOST_MEMORY;
	return sign(subject, made, NULL, cert);
}
