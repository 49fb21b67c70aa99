/* SPDX-License-Identifier: Apache-2.0 */
/* A CA with a software key for tests of signing jobs; every function ends the test when it fails.
 */
#ifndef IOTHSM_TEST_JOB_CASE_H
#define IOTHSM_TEST_JOB_CASE_H

#include "job.h"

struct job_case {
	struct job_ca ca;
	EVP_PKEY *software_key; /* behind ca.key when that is a token's */
};

/* cmocka set-ups: the recorded RSA CA, the recorded EC CA, fresh CAs of other keys. */
int job_case_setup_rsa(void **state);
int job_case_setup_ec(void **state);
int job_case_setup_ed25519(void **state);
int job_case_setup_p384(void **state);
/* The same key and certificate, but signing as a token does, through key_library(). */
int job_case_setup_rsa_token(void **state);
int job_case_setup_ec_token(void **state);
/* Its every signature fails with CKR_DEVICE_REMOVED. */
int job_case_setup_removed_token(void **state);
int job_case_teardown(void **state);

/* A request around the recorded leaf.csr; options is JSON text. */
json_t *job_case_csr_request(const char *options);
json_t *job_case_json(const char *text);

/* Runs a csr job that must succeed. Freed with X509_free. */
X509 *job_case_issue(struct job_case *job_case, const char *options);
/* A csr job that must be refused with exactly this cause. */
void job_case_assert_refused(struct job_case *job_case, const char *options, const char *cause);

/* Any job that must succeed: its text, freed by the caller. */
char *job_case_run(struct job_case *job_case, const char *signtype, const char *request);
void job_case_assert_fails(
	struct job_case *job_case, const char *signtype, const char *request, const char *cause);

/* Lower-case hex of the DER value of an extension with its criticality in front ("critical " or
 * ""), "absent" without it. */
void job_case_extension(const X509 *cert, const char *oid, char *out, size_t size);
void job_case_assert_extension(const X509 *cert, const char *oid, const char *expected);
/* RFC 2253 text, in the order of the certificate. */
void job_case_assert_subject(const X509 *cert, const char *expected);

#endif
