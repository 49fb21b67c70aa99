/* SPDX-License-Identifier: Apache-2.0 */
/* The recorded messages of tests/data/vectors. */
#include "support/vectors.h"

#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"

const struct vector_run vector_runs[2] = {
	{ "run_rsa", "hsmca_rsa.pem" },
	{ "run_ec", "hsmca_ec.pem" },
};

static void *require(void *value, const char *directory, const char *name)
{
	if (!value) {
		(void)fprintf(stderr, "vectors: cannot read %s/%s\n", directory, name);
		abort();
	}
	return value;
}

char *vector_text(const char *directory, const char *name, size_t *len)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), TEST_DATA "/vectors/%s/%s", directory, name);
	return require(file_read(path, JSON_TEXT_MAX, len), directory, name);
}

json_t *vector_json(const char *directory, const char *name)
{
	size_t len = 0;
	CLEANUP(free) char *text = vector_text(directory, name, &len);
	/* A recorded HTTP request has its JSON body in the last line. */
	const char *body = text[0] == '{' ? text : strstr(text, "\n\n");

	return require(body ? json_parse(bytes_of_text(body)) : NULL, directory, name);
}

X509 *vector_cert(const char *directory, const char *name)
{
	size_t len = 0;
	CLEANUP(free) char *text = vector_text(directory, name, &len);
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, (int)len);

	return require(PEM_read_bio_X509(bio, NULL, NULL, NULL), directory, name);
}

EVP_PKEY *vector_key(const char *directory, const char *name)
{
	size_t len = 0;
	CLEANUP(free) char *text = vector_text(directory, name, &len);
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, (int)len);

	return require(PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL), directory, name);
}

X509_STORE *vector_store(const char *directory, const char *name)
{
	CLEANUP(x509) X509 *anchor = vector_cert(directory, name);
	X509_STORE *store = require(X509_STORE_new(), directory, name);

	if (X509_STORE_add_cert(store, anchor) != 1)
		abort();
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), VECTOR_TIME_S);
	return store;
}

char *vector_smime(const char *directory, const char *name)
{
	CLEANUP(json) json_t *object = vector_json(directory, name);
	const char *text = json_text(object, "smime");

	if (!text)
		text = json_text(object, "data");
	return strdup(require((void *)(uintptr_t)text, directory, name));
}
