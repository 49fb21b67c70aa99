/* SPDX-License-Identifier: Apache-2.0 */
/* The short-lived S/MIME certificate of a channel key, and how to recognise one. */
#include <openssl/err.h>

#include "cleanup.h"
#include "job_parts.h"
#include "log.h"

#define EPHEMERAL_CN "IoT HSM SMIME Cert for PKIaaS.io Validation"

enum { BEFORE_SECONDS = 5 * 60, AFTER_SECONDS = 10 * 60, LIFETIME_SECONDS = 15 * 60 };

/* digitalSignature, keyEncipherment, dataEncipherment */
static const uint8_t key_usage[] = { 0x03, 0x02, 0x04, 0xB0 };
/* emailProtection, 1.3.6.1.5.5.7.3.4 */
static const uint8_t extended_usage[] = { 0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05,
	0x07, 0x03, 0x04 };

/* The profile's extensions in their order; those without a value depend on keys. */
static const struct profile {
	int nid;
	bool critical;
	struct bytes value;
} profile[] = {
	{ NID_subject_key_identifier, false, { NULL, 0 } },
	{ NID_authority_key_identifier, false, { NULL, 0 } },
	{ NID_key_usage, true, { key_usage, sizeof(key_usage) } },
	{ NID_ext_key_usage, true, { extended_usage, sizeof(extended_usage) } },
};

static inline void cleanup_octets(ASN1_OCTET_STRING **octets)
{
	ASN1_OCTET_STRING_free(*octets);
}

static X509_NAME *subject_new(void)
{
	CLEANUP(x509_name) X509_NAME *subject = X509_NAME_new();

	if (!subject || !X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
				(const uint8_t *)EPHEMERAL_CN, -1, -1, 0))
		return NULL;
	return steal(&subject);
}

static CK_RV add_extension(X509 *cert, const struct profile *wanted, struct job_cause *cause)
{
	CLEANUP(octets) ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	CLEANUP(x509_extension) X509_EXTENSION *extension = NULL;

	if (!wanted->value.data)
		return CKR_OK;
	if (!value || !ASN1_OCTET_STRING_set(value, wanted->value.data, (int)wanted->value.len))
		return job_cause_memory(cause);
	extension = X509_EXTENSION_create_by_NID(NULL, wanted->nid, wanted->critical, value);
	return extension ? job_extension_append(cert, extension, cause) : job_cause_memory(cause);
}

static CK_RV issue(
	const struct job_ca *ca, EVP_PKEY *channel_key, struct job_cause *cause, X509 **cert)
{
	CLEANUP(x509_name) X509_NAME *subject = subject_new();
	CLEANUP(x509) X509 *made = NULL;

	if (!subject)
		return job_cause_memory(cause);
	TRY(job_sign_begin(ca, channel_key, subject, cause, &made));
	if (!ASN1_TIME_set(X509_getm_notBefore(made), (time_t)(ca->now_s - BEFORE_SECONDS)) ||
		!ASN1_TIME_set(X509_getm_notAfter(made), (time_t)(ca->now_s + AFTER_SECONDS)))
		return job_cause_memory(cause);
	for (size_t i = 0; i < ARRAY_LEN(profile); i++)
		TRY(add_extension(made, &profile[i], cause));
	return job_sign_certificate(ca, made, NULL, cause, cert);
}

X509 *job_issue_ephemeral(const struct job_ca *ca, EVP_PKEY *channel_key)
{
	struct job_cause cause = { 0 };
	X509 *cert = NULL;

	ERR_clear_error();
	if (issue(ca, channel_key, &cause, &cert) == CKR_OK)
		return cert;
	log_error("job: no ephemeral certificate: %s", cause.text);
	return NULL;
}

static bool extension_fits(const X509_EXTENSION *extension, const struct profile *wanted)
{
	X509_EXTENSION *readable = (X509_EXTENSION *)(uintptr_t)extension;
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(readable);

	if (OBJ_obj2nid(X509_EXTENSION_get_object(readable)) != wanted->nid ||
		X509_EXTENSION_get_critical(extension) != (wanted->critical ? 1 : 0))
		return false;
	return !wanted->value.data ||
	       bytes_equal(wanted->value,
		       bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
}

static bool extensions_fit(const X509 *cert)
{
	if (X509_get_ext_count(cert) != (int)ARRAY_LEN(profile))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(profile); i++) {
		if (!extension_fits(X509_get_ext(cert, (int)i), &profile[i]))
			return false;
	}
	return true;
}

static bool subject_fits(const X509 *cert)
{
	CLEANUP(x509_name) X509_NAME *wanted = subject_new();
	const uint8_t *wanted_der;
	const uint8_t *der;
	size_t wanted_len;
	size_t len;

	/* The DER, because X509_NAME_cmp knows neither case nor string types. */
	return wanted && X509_NAME_get0_der(wanted, &wanted_der, &wanted_len) &&
	       X509_NAME_get0_der(X509_get_subject_name(cert), &der, &len) &&
	       bytes_equal(bytes_of(wanted_der, wanted_len), bytes_of(der, len));
}

static bool time_seconds(const ASN1_TIME *time, int64_t *seconds)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return false;
	*seconds = timegm(&tm);
	return true;
}

static bool validity_fits(const X509 *cert, int64_t now_s)
{
	int64_t from_s;
	int64_t to_s;

	return time_seconds(X509_get0_notBefore(cert), &from_s) &&
	       time_seconds(X509_get0_notAfter(cert), &to_s) && from_s <= now_s && now_s <= to_s &&
	       to_s - from_s <= LIFETIME_SECONDS;
}

bool job_is_ephemeral(X509 *cert, int64_t now_s)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key && EVP_PKEY_is_a(key, "RSA") && X509_get_version(cert) == X509_VERSION_3 &&
	       subject_fits(cert) && extensions_fit(cert) && validity_fits(cert, now_s);
}
