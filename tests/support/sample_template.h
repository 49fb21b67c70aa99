/* SPDX-License-Identifier: Apache-2.0 */
/* Provisioning certificates made by a test: any subject, extensions, time and hash. */
#ifndef IOTHSM_TEST_TEMPLATE_H
#define IOTHSM_TEST_TEMPLATE_H

#include <openssl/x509.h>

#include "bytes.h"

struct test_template {
	const char *digest;    /* NULL: SHA256 */
	long lifetime_seconds; /* 0: ten years */
	bool empty_subject;
	bool no_extensions;
	const char *common_name; /* NULL: some name with a BMPString and characters beyond ASCII */
	EVP_PKEY *key;           /* NULL: one of its own, which nothing else has */
};

/* The certificate; the test ends on failure. */
X509 *test_template_make(const struct test_template *wanted);

/* DER; freed with OPENSSL_free. */
struct bytes test_template_der(const X509 *cert);

#endif
