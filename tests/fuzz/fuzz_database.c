/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the revocation database of crl jobs (index.txt text). */
#include <stdlib.h>

#include "cleanup.h"
#include "job_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(x509_crl) X509_CRL *crl = X509_CRL_new();
	struct job_cause cause = { 0 };

	if (!crl)
		abort();
	CK_RV rv = job_database_revoke(bytes_of(data, size), crl, &cause);

	if ((rv == CKR_OK) != (cause.text[0] == '\0'))
		abort();
	return 0;
}
