/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate requests in DER: what is copied from one into a certificate, and its signature. */
#include <stdlib.h>

#include "cleanup.h"
#include "job_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A refusal says why, in a line that an answer can carry. */
static void check_cause(CK_RV rv, const struct job_cause *cause)
{
	CLEANUP(json) json_t *answer = json_string(cause->text);

	if (!answer || (rv == CKR_OK) != (cause->text[0] == '\0'))
		abort();
}

static void copy_parts(X509_REQ *request)
{
	CLEANUP(x509) X509 *cert = X509_new();
	CLEANUP(x509_name) X509_NAME *name = NULL;
	struct job_cause subject_cause = { 0 };
	struct job_cause extension_cause = { 0 };

	if (!cert)
		abort();
	CK_RV rv = job_subject_from_csr(
		X509_REQ_get_subject_name(request), JOB_NAME_SUBJECT, &subject_cause, &name);

	check_cause(rv, &subject_cause);
	rv = job_extension_add_csr(cert, request, &extension_cause);
	check_cause(rv, &extension_cause);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data;
	CLEANUP(x509_req) X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)size);

	if (!request)
		return 0;
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);

	if (key)
		(void)X509_REQ_verify_ex(request, key, NULL, JOB_PROPERTIES);
	copy_parts(request);
	return 0;
}
