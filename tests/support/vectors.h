/* SPDX-License-Identifier: Apache-2.0 */
/* The recorded messages of tests/data/vectors; every function ends the test when a file is missing.
 */
#ifndef IOTHSM_TEST_VECTORS_H
#define IOTHSM_TEST_VECTORS_H

#include <jansson.h>
#include <openssl/x509.h>

#include "bytes.h"

/* A moment at which every recorded certificate is valid. */
enum { VECTOR_TIME_S = 1795448220 };

struct vector_run {
	const char *name; /* directory */
	const char *ca;   /* certificate of the signing CA */
};
extern const struct vector_run vector_runs[2];

/* Paths are relative to the vectors; results are freed as their types demand. */
char *vector_text(const char *directory, const char *name, size_t *len);
json_t *vector_json(const char *directory, const char *name);
X509 *vector_cert(const char *directory, const char *name);
EVP_PKEY *vector_key(const char *directory, const char *name);

/* One anchor, at VECTOR_TIME_S. */
X509_STORE *vector_store(const char *directory, const char *name);

/* The smime member of a recorded JSON (data in a registration reply, last line of an HTTP request).
 */
char *vector_smime(const char *directory, const char *name);

#endif
