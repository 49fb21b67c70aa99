/* SPDX-License-Identifier: Apache-2.0 */
/* The csr job: issues a certificate for a PKCS#10 request. */
#include <openssl/pem.h>

#include "certificate.h"
#include "cleanup.h"
#include "job_parts.h"

enum { CSR_TEXT_MAX = 64 * 1024 };

/* An encrypted PEM block would otherwise ask for its password on the terminal. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static CK_RV read_csr(
	const struct job_ca *ca, const json_t *request, struct job_cause *cause, X509_REQ **csr)
{
	CLEANUP(x509_req) X509_REQ *parsed = X509_REQ_new_ex(ca->lib, JOB_PROPERTIES);
	CLEANUP(bio) BIO *bio = NULL;
	EVP_PKEY *key;
	const char *text;

	TRY(job_json_text(json_object_get(request, "csr"), "csr", cause, &text));
	if (strlen(text) > CSR_TEXT_MAX)
		return job_cause_refuse(cause, "Invalid csr: longer than %d bytes", CSR_TEXT_MAX);
	bio = BIO_new_mem_buf(text, -1);
	if (!bio || !parsed)
		return job_cause_memory(cause);
	if (!PEM_read_bio_X509_REQ(bio, &parsed, no_password, NULL))
		return job_cause_refuse(cause, "Invalid csr: not a PEM certificate request");
	key = X509_REQ_get0_pubkey(parsed);
	if (!key)
		return job_cause_refuse(cause, "Invalid csr: its public key is not supported");
	if (X509_REQ_verify_ex(parsed, key, ca->lib, JOB_PROPERTIES) != 1)
		return job_cause_refuse(cause, "Invalid csr: its signature does not verify");
	*csr = steal(&parsed);
	return CKR_OK;
}

static CK_RV read_options(const json_t *request, struct job_cause *cause, const json_t **options)
{
	const json_t *found = json_object_get(request, "options");

	*options = NULL;
	if (job_json_is_falsy(found))
		return CKR_OK;
	TRY(job_json_object(found, "options", cause));
	*options = found;
	return CKR_OK;
}

static CK_RV read_date(
	const json_t *options, const char *key, struct job_cause *cause, int64_t *seconds)
{
	const char *text;

	TRY(job_json_text(json_object_get(options, key), key, cause, &text));
	if (job_date_parse(text, seconds))
		return CKR_OK;
	return job_cause_refuse(cause, "Invalid %s: %s", key, text);
}

/* startdate wins over days; an end that is not given then is now. */
static CK_RV read_dates(const json_t *options, int64_t now_s, struct job_cause *cause,
	int64_t *start_s, int64_t *end_s)
{
	TRY(read_date(options, "startdate", cause, start_s));
	*end_s = now_s;
	if (!job_json_is_falsy(json_object_get(options, "enddate")))
		TRY(read_date(options, "enddate", cause, end_s));
	if (*end_s < *start_s)
		return job_cause_refuse(cause, "Invalid enddate: lies before startdate");
	return CKR_OK;
}

static CK_RV set_validity(X509 *cert, const json_t *options, int64_t now_s, struct job_cause *cause)
{
	const json_t *wanted_days = json_object_get(options, "days");
	int64_t days = JOB_DAYS_DEFAULT;
	int64_t start_s = now_s;
	int64_t end_s;

	if (!job_json_is_falsy(json_object_get(options, "startdate"))) {
		TRY(read_dates(options, now_s, cause, &start_s, &end_s));
	} else {
		if (!job_json_is_off(wanted_days))
			TRY(job_json_days(wanted_days, cause, &days));
		end_s = now_s + days * JOB_DAY_SECONDS;
	}
	/* ASN1_TIME_set takes UTCTime before 2050, as RFC 5280 asks. */
	if (!ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)start_s) ||
		!ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)end_s))
		return job_cause_memory(cause);
	return CKR_OK;
}

static CK_RV make_subject(const json_t *options, X509_REQ *csr, enum job_name_order order,
	struct job_cause *cause, X509_NAME **subject)
{
	const json_t *wanted = json_object_get(options, "subject");

	if (wanted)
		return job_subject_from_options(wanted, order, cause, subject);
	return job_subject_from_csr(X509_REQ_get_subject_name(csr), order, cause, subject);
}

static CK_RV add_extensions(
	X509 *cert, const json_t *options, X509_REQ *csr, struct job_cause *cause)
{
	if (!options)
		return job_extension_add_csr(cert, csr, cause);
	return job_extension_add_options(cert, json_object_get(options, "extensions"), cause);
}

static CK_RV make_certificate(const struct job_ca *ca, const json_t *options, X509_REQ *csr,
	struct job_cause *cause, X509 **cert)
{
	CLEANUP(x509) X509 *made = NULL;
	CLEANUP(x509_name) X509_NAME *subject = NULL;

	TRY(make_subject(options, csr, ca->name_order, cause, &subject));
	TRY(job_sign_begin(ca, X509_REQ_get0_pubkey(csr), subject, cause, &made));
	TRY(set_validity(made, options, ca->now_s, cause));
	TRY(add_extensions(made, options, csr, cause));
	return job_sign_certificate(
		ca, made, json_string_value(json_object_get(options, "hash")), cause, cert);
}

CK_RV job_csr(struct job_ca *ca, const json_t *request, struct job_cause *cause, char **text)
{
	CLEANUP(x509_req) X509_REQ *csr = NULL;
	CLEANUP(x509) X509 *cert = NULL;
	const json_t *options;

	TRY(read_options(request, cause, &options));
	TRY(read_csr(ca, request, cause, &csr));
	TRY(make_certificate(ca, options, csr, cause, &cert));
	*text = certificate_pem(cert);
	return *text ? CKR_OK : job_cause_memory(cause);
}
