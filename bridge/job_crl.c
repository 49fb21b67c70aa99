/* SPDX-License-Identifier: Apache-2.0 */
/* The crl job: signs a revocation list, version 2 with cRLNumber and authorityKeyIdentifier. */
#include <openssl/pem.h>

#include "cleanup.h"
#include "job_parts.h"

enum { MILLISECONDS = 1000 };

static inline void cleanup_identifier(AUTHORITY_KEYID **identifier)
{
	AUTHORITY_KEYID_free(*identifier);
}

static inline void cleanup_time(ASN1_TIME **time)
{
	ASN1_TIME_free(*time);
}

/* The CA's subjectKeyIdentifier, or the hash that would stand there. */
static ASN1_OCTET_STRING *key_identifier(X509 *cert)
{
	const ASN1_OCTET_STRING *found = X509_get0_subject_key_id(cert);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned int len;
	ASN1_OCTET_STRING *made;

	if (found)
		return ASN1_OCTET_STRING_dup(found);
	made = ASN1_OCTET_STRING_new();
	if (made && X509_pubkey_digest(cert, EVP_sha1(), hash, &len) &&
		ASN1_OCTET_STRING_set(made, hash, (int)len))
		return made;
	ASN1_OCTET_STRING_free(made);
	return NULL;
}

static bool add_identifier(const struct job_ca *ca, X509_CRL *crl)
{
	CLEANUP(identifier) AUTHORITY_KEYID *identifier = AUTHORITY_KEYID_new();

	if (!identifier || !(identifier->keyid = key_identifier(ca->cert)))
		return false;
	return X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, identifier, 0, 0) == 1;
}

/* Appliances that share no state must not repeat each other's numbers (RFC 5280, 5.2.3). */
static bool add_number(struct job_ca *ca, X509_CRL *crl)
{
	CLEANUP(asn1_integer) ASN1_INTEGER *number = ASN1_INTEGER_new();
	int64_t value = ca->now_s * MILLISECONDS;

	if (value < ca->crl_number_min)
		value = ca->crl_number_min;
	if (!number || !ASN1_INTEGER_set_int64(number, value) ||
		X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) != 1)
		return false;
	ca->crl_number = value;
	return true;
}

static bool set_dates(X509_CRL *crl, int64_t now_s, int64_t days)
{
	CLEANUP(time) ASN1_TIME *last = ASN1_TIME_set(NULL, (time_t)now_s);
	CLEANUP(time)
	ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(now_s + days * JOB_DAY_SECONDS));

	return last && next && X509_CRL_set1_lastUpdate(crl, last) &&
	       X509_CRL_set1_nextUpdate(crl, next);
}

static CK_RV make_crl(struct job_ca *ca, int64_t days, struct bytes database,
	struct job_cause *cause, X509_CRL **crl)
{
	CLEANUP(x509_crl) X509_CRL *made = X509_CRL_new_ex(ca->lib, JOB_PROPERTIES);

	if (!made || !X509_CRL_set_version(made, X509_CRL_VERSION_2) ||
		!X509_CRL_set_issuer_name(made, X509_get_subject_name(ca->cert)) ||
		!set_dates(made, ca->now_s, days) || !add_identifier(ca, made) ||
		!add_number(ca, made))
		return job_cause_memory(cause);
	TRY(job_database_revoke(database, made, cause));
	return job_sign_crl(ca, made, cause, crl);
}

CK_RV job_crl(struct job_ca *ca, const json_t *request, struct job_cause *cause, char **text)
{
	CLEANUP(x509_crl) X509_CRL *crl = NULL;
	CLEANUP(bio) BIO *bio = BIO_new(BIO_s_mem());
	const char *database;
	int64_t days;

	TRY(job_json_days(json_object_get(request, "days"), cause, &days));
	TRY(job_json_text(json_object_get(request, "database"), "database", cause, &database));
	TRY(make_crl(ca, days, bytes_of_text(database), cause, &crl));
	if (!bio || !PEM_write_bio_X509_CRL(bio, crl))
		return job_cause_memory(cause);
	return job_sign_text(bio, cause, text);
}
