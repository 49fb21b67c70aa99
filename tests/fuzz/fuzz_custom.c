/* SPDX-License-Identifier: Apache-2.0 */
/* The option customOIDs: a line with the OID, the rest is its value. */
#include <stdlib.h>

#include "cleanup.h"
#include "job_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t oid_len = end ? (size_t)(end - data) : size;
	size_t value_len = end ? size - oid_len - 1 : 0;
	CLEANUP(json)
	json_t *options = json_pack("[{s:s%,s:s%}]", "OID", (const char *)data, oid_len, "value",
		end ? (const char *)end + 1 : "", value_len);
	CLEANUP(x509) X509 *cert = X509_new();
	struct job_cause cause = { 0 };

	if (!options) /* no UTF-8 */
		return 0;
	if (!cert)
		abort();
	CK_RV rv = job_custom_list(cert, options, &cause);
	CLEANUP(json) json_t *answer = json_string(cause.text);

	if (!answer || (rv == CKR_OK) != (cause.text[0] == '\0') ||
		(rv == CKR_OK) != (X509_get_ext_count(cert) == 1))
		abort();
	return 0;
}
