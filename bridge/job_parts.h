/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of job share: causes, checked JSON, and the steps from a request to a signed
 * product. */
#ifndef IOTHSM_JOB_PARTS_H
#define IOTHSM_JOB_PARTS_H

#include <openssl/x509v3.h>

#include "job.h"

/* Decoded public keys must never land in the sign-only provider. */
#define JOB_PROPERTIES "?provider=default"

enum { JOB_LIST_MAX = 1000, JOB_OID_MAX = 255, JOB_DAYS_DEFAULT = 365, JOB_DAY_SECONDS = 86400 };

/* The one line that tells the platform what was wrong. */
struct job_cause {
	char text[JOB_CAUSE_MAX];
};

/* Each writes the line (one line, valid UTF-8, cut to fit) and returns the CK_RV of its kind. */
CK_RV job_cause_refuse(struct job_cause *cause, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* CKR_ARGUMENTS_BAD */
CK_RV job_cause_fail(struct job_cause *cause, const char *format, ...)
	__attribute__((format(printf, 2, 3)));   /* CKR_FUNCTION_FAILED */
CK_RV job_cause_memory(struct job_cause *cause); /* CKR_HOST_MEMORY */

/* Absent, null and false all mean that an option is not wanted. */
bool job_json_is_off(const json_t *value);
/* The same plus 0 and the empty text, as JavaScript sees it. */
bool job_json_is_falsy(const json_t *value);

/* `what` names the option in the cause. Texts hold no NUL and belong to the value. */
CK_RV job_json_text(
	const json_t *value, const char *what, struct job_cause *cause, const char **text);
CK_RV job_json_list(
	const json_t *value, const char *what, struct job_cause *cause, const json_t **list);
CK_RV job_json_object(const json_t *value, const char *what, struct job_cause *cause);
/* false when absent or null. */
CK_RV job_json_flag(const json_t *value, const char *what, struct job_cause *cause, bool *flag);
CK_RV job_json_integer(
	const json_t *value, const char *what, struct job_cause *cause, int64_t *number);
/* 1 up to 100 years. */
CK_RV job_json_days(const json_t *value, struct job_cause *cause, int64_t *days);

/* ISO 8601 in UTC unless the text names another offset; false when malformed or outside 1970 to
 * 9999. */
bool job_date_parse(const char *text, int64_t *seconds);
/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ; NULL when malformed. */
ASN1_TIME *job_date_from_database(struct bytes text);

/* Digits and dots only, never a name; NULL when malformed. */
ASN1_OBJECT *job_asn1_oid(const char *text);
/* OpenSSL's "TYPE:value" for scalar types alone; SEQUENCE, SET and tags are refused by name. */
CK_RV job_asn1_scalar(
	const char *text, const char *what, struct job_cause *cause, ASN1_TYPE **value);

/* A general name of one of the subjectAltName types. */
CK_RV job_name_make(const char *type, const char *value, const char *what, struct job_cause *cause,
	GENERAL_NAME **name);

CK_RV job_name_from_json(const char *type, const json_t *value, const char *what,
	struct job_cause *cause, GENERAL_NAME **name);

CK_RV job_subject_from_options(const json_t *subject, enum job_name_order order,
	struct job_cause *cause, X509_NAME **name);
CK_RV job_subject_from_csr(const X509_NAME *subject, enum job_name_order order,
	struct job_cause *cause, X509_NAME **name);

/* Appends to the certificate what one option asks for, nothing when its list is empty. */
typedef CK_RV job_extension_build(X509 *cert, const json_t *value, struct job_cause *cause);
job_extension_build job_basic_constraints, job_basic_tls_feature, job_usage_key, job_usage_extended,
	job_name_alternatives, job_location_information_access, job_location_distribution_points,
	job_policy_list, job_custom_list;

CK_RV job_constraint_add(X509 *cert, bool critical, const char *text, struct job_cause *cause);

/* An extension of a kind that the certificate has already is refused. */
CK_RV job_extension_append(X509 *cert, X509_EXTENSION *extension, struct job_cause *cause);
CK_RV job_extension_encode(
	X509 *cert, int nid, bool critical, void *structure, struct job_cause *cause);

CK_RV job_extension_add_options(X509 *cert, const json_t *extensions, struct job_cause *cause);
CK_RV job_extension_add_csr(X509 *cert, X509_REQ *request, struct job_cause *cause);

/* A version 3 certificate with random serial, the CA as issuer, this key and its two key
 * identifiers. */
CK_RV job_sign_begin(const struct job_ca *ca, EVP_PKEY *public_key, X509_NAME *subject,
	struct job_cause *cause, X509 **cert);
/* hash is a wish and may be NULL. What comes back was read again and verified. */
CK_RV job_sign_certificate(const struct job_ca *ca, X509 *unsigned_cert, const char *hash,
	struct job_cause *cause, X509 **cert);
CK_RV job_sign_crl(
	const struct job_ca *ca, X509_CRL *unsigned_crl, struct job_cause *cause, X509_CRL **crl);
/* "" for keys that sign without a digest. */
void job_sign_digest(const struct job_ca *ca, const char *hash, char digest[32]);
/* The cause of a signature that did not come. */
CK_RV job_sign_failed(struct job_cause *cause);
/* The whole of a memory BIO as text, freed by the caller. */
CK_RV job_sign_text(BIO *bio, struct job_cause *cause, char **text);

/* Adds the revoked lines of an index.txt to the list. */
CK_RV job_database_revoke(struct bytes database, X509_CRL *crl, struct job_cause *cause);

typedef CK_RV job_function(
	struct job_ca *ca, const json_t *request, struct job_cause *cause, char **text);
job_function job_csr, job_crl, job_cms;

#endif
