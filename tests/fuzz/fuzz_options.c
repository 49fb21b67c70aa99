/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the options of csr jobs: subject and extensions, without the signature. */
#include <stdlib.h>

#include "cleanup.h"
#include "job_parts.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json) json_t *options = json_parse(bytes_of(data, size));
	CLEANUP(x509) X509 *cert = X509_new();
	CLEANUP(x509_name) X509_NAME *name = NULL;
	struct job_cause cause = { 0 };
	int64_t seconds;

	if (!cert)
		abort();
	if (job_subject_from_options(json_object_get(options, "subject"), JOB_NAME_SUBJECT, &cause,
		    &name) == CKR_OK &&
		cause.text[0] != '\0')
		abort();
	if (job_extension_add_options(cert, json_object_get(options, "extensions"), &cause) !=
			CKR_OK &&
		cause.text[0] == '\0')
		abort();
	/* The cause goes into a JSON answer. */
	CLEANUP(json) json_t *answer = json_string(cause.text);

	if (!answer)
		abort();
	const char *start = json_text(options, "startdate");

	if (start)
		(void)job_date_parse(start, &seconds);
	return 0;
}
