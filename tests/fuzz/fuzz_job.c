/* SPDX-License-Identifier: Apache-2.0 */
/* Whole jobs, {"signtype":…,"request":…}, by a CA whose key is in memory. */
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "job_parts.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct job_ca fuzz_ca = { .now_s = 1700000000 };

static X509 *self_signed(EVP_PKEY *key)
{
	static const uint8_t name[] = "Fuzzed CA";
	CLEANUP(x509) X509 *cert = X509_new();

	if (!cert || !certificate_set_random_serial(cert) ||
		!X509_set_version(cert, X509_VERSION_3) ||
		!X509_NAME_add_entry_by_txt(
			X509_get_subject_name(cert), "CN", MBSTRING_UTF8, name, -1, -1, 0) ||
		!X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
		!ASN1_TIME_set(X509_getm_notBefore(cert), 1600000000) ||
		!ASN1_TIME_set(X509_getm_notAfter(cert), 1900000000) ||
		!X509_set_pubkey(cert, key) || !certificate_add_key_identifiers(cert, cert) ||
		X509_sign(cert, key, EVP_sha256()) <= 0)
		abort();
	return steal(&cert);
}

static void run_job(const char *signtype, const json_t *request)
{
	struct job_result result = { 0 };

	job_run(&fuzz_ca, signtype, request, &result);
	CLEANUP(json) json_t *answer = json_string(result.success ? result.text : result.cause);

	if (!answer || result.success != (result.text != NULL) ||
		result.success != (result.cause[0] == '\0'))
		abort();
	free(result.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json) json_t *job = json_parse(bytes_of(data, size));
	const char *signtype = json_text(job, "signtype");

	if (!fuzz_ca.cert) {
		fuzz_ca.key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		fuzz_ca.cert = fuzz_ca.key ? self_signed(fuzz_ca.key) : NULL;
	}
	if (signtype)
		run_job(signtype, json_object_get(job, "request"));
	return 0;
}
