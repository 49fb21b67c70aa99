/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a revocation list is what the crl job asked for. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "check.h"
#include "cleanup.h"
#include "json.h"

enum { DATABASE_FIELDS = 6, DAY_SECONDS = 86400 };

static const char *const reasons[] = { "unspecified", "keyCompromise", "CACompromise",
	"affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "",
	"removeFromCRL" };

/* The reasonCode a database's text demands; -1: none. */
static long reason_of(const char *text)
{
	for (size_t i = 0; text && i < ARRAY_LEN(reasons); i++) {
		if (reasons[i][0] && strcasecmp(reasons[i], text) == 0)
			return (long)i;
	}
	if (text && strcmp(text, "holdInstruction") == 0)
		return CRL_REASON_CERTIFICATE_HOLD;
	if (text && strcmp(text, "keyTime") == 0)
		return CRL_REASON_KEY_COMPROMISE;
	if (text && strcmp(text, "CAkeyTime") == 0)
		return CRL_REASON_CA_COMPROMISE;
	return -1;
}

static bool has_reason(const X509_REVOKED *entry, long wanted)
{
	int critical = -1;
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, NULL);
	long got = reason ? ASN1_ENUMERATED_get(reason) : -1;

	ASN1_ENUMERATED_free(reason);
	return got == wanted;
}

static bool has_date(const X509_REVOKED *entry, const char *date)
{
	ASN1_TIME *wanted = ASN1_TIME_new();
	bool has = wanted && ASN1_TIME_set_string(wanted, date) == 1 &&
		   ASN1_TIME_compare(wanted, X509_REVOKED_get0_revocationDate(entry)) == 0;

	ASN1_TIME_free(wanted);
	return has;
}

/* One R line has its entry, with date and reason. */
static bool has_entry(X509_CRL *crl, const char *serial_hex, char *revocation)
{
	BIGNUM *number = NULL;
	X509_REVOKED *entry = NULL;
	const char *date = strsep(&revocation, ",");
	const char *reason = strsep(&revocation, ",");

	if (BN_hex2bn(&number, serial_hex) == 0)
		return false;
	CLEANUP(asn1_integer) ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);

	BN_free(number);
	return serial && X509_CRL_get0_by_serial(crl, &entry, serial) > 0 &&
	       has_date(entry, date) && has_reason(entry, reason_of(reason));
}

/* Every R line has its entry, and there is no other; *faultless. */
static bool has_exactly_the_revoked(X509_CRL *crl, const char *database)
{
	CLEANUP(free) char *copy = strdup(database);
	char *rest = copy;
	int revoked = 0;

	while (rest && *rest) {
		char *line = strsep(&rest, "\n");
		char *fields[DATABASE_FIELDS] = { NULL };

		for (size_t i = 0; i < DATABASE_FIELDS; i++)
			fields[i] = strsep(&line, "\t");
		if (!fields[0] || strcmp(fields[0], "R") != 0)
			continue;
		if (!fields[3] || !has_entry(crl, fields[3], fields[2]))
			return false;
		revoked++;
	}
	int entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));

	return (entries > 0 ? entries : 0) == revoked;
}

static bool has_its_extensions(X509_CRL *crl, X509 *ca)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	AUTHORITY_KEYID *authority =
		X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	const ASN1_OCTET_STRING *wanted = X509_get0_subject_key_id(ca);
	bool has = number && authority && authority->keyid &&
		   (!wanted || ASN1_OCTET_STRING_cmp(authority->keyid, wanted) == 0);

	ASN1_INTEGER_free(number);
	AUTHORITY_KEYID_free(authority);
	return has;
}

static bool has_its_dates(const X509_CRL *crl, const struct check_job *job)
{
	int64_t days = json_integer_value(json_object_get(job->request, "days"));
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	return check_is_near(X509_CRL_get0_lastUpdate(crl), job->now_s) && next &&
	       check_is_near(next, job->now_s + days * DAY_SECONDS);
}

const char *check_crl(const struct check_job *job)
{
	const char *database = json_text(job->request, "database");
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(job->text, -1);
	CLEANUP(x509_crl)
	X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;

	if (!crl || !check_is_one_pem(job->text, "X509 CRL"))
		return "CRL: not one PEM block";
	if (X509_CRL_verify(crl, X509_get0_pubkey(job->ca)) != 1 ||
		X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(job->ca)) != 0)
		return "CRL: not signed by the CA";
	if (X509_CRL_get_version(crl) != X509_CRL_VERSION_2 || !has_its_extensions(crl, job->ca))
		return "CRL: not version 2 with cRLNumber and authorityKeyIdentifier";
	if (!has_its_dates(crl, job))
		return "CRL: not the wanted dates";
	if (!has_exactly_the_revoked(crl, database ? database : ""))
		return "CRL: not the entries of the database";
	return NULL;
}
