/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's signing jobs: csr, crl, cms, by one table; and the channel's ephemeral
 * certificate. */
#ifndef IOTHSM_JOB_H
#define IOTHSM_JOB_H

#include <iothsm/pkcs11-3.2.h>
#include <jansson.h>
#include <openssl/x509.h>

#include "bytes.h"

enum { JOB_CAUSE_MAX = 256 };

/* Of a certificate's subject: as the platform's signing policy lists the attributes, or as the
 * request does. */
enum job_name_order { JOB_NAME_POLICY, JOB_NAME_SUBJECT };

/* The CA that signs; key is an EVP_PKEY of key_library() whose operations run on the calling
 * thread's session. */
struct job_ca {
	OSSL_LIB_CTX *lib;
	X509 *cert;
	EVP_PKEY *key;
	enum job_name_order name_order;
	int64_t now_s;          /* the corrected clock, seconds since 1970 */
	int64_t crl_number_min; /* cRLNumber is at least this, and at least now in milliseconds */
	int64_t crl_number;     /* written by a crl job */
};

struct job_result {
	bool success;
	char *text; /* PEM or base64 result, freed by the caller; NULL unless success */
	char cause[JOB_CAUSE_MAX]; /* one clear line unless success */
};

/* signtype csr, crl or cms; anything else and every bad request ends as success false with its
 * cause. */
void job_run(
	struct job_ca *ca, const char *signtype, const json_t *request, struct job_result *result);

/* The ephemeral S/MIME certificate of a channel key: fixed profile, now - 5 min to now + 10 min.
 * NULL on failure. */
X509 *job_issue_ephemeral(const struct job_ca *ca, EVP_PKEY *channel_key);

/* True when the certificate has exactly that profile, lives at most 15 minutes and is valid at
 * now_s. */
bool job_is_ephemeral(X509 *cert, int64_t now_s);

#endif
