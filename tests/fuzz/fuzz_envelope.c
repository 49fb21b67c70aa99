/* SPDX-License-Identifier: Apache-2.0 */
/* S/MIME text from outside: the reader of signed and of encrypted messages. */
#include <openssl/rsa.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cleanup.h"
#include "envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once; an unknown key reaches as much of the reader as the right one does. */
static EVP_PKEY *fuzz_key;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(x509_store) X509_STORE *store = X509_STORE_new();
	CLEANUP(openssl) uint8_t *content = NULL;
	CLEANUP(openssl) uint8_t *inner = NULL;
	CLEANUP(x509) X509 *signer = NULL;
	size_t len = 0;
	int64_t signing_time_s = 0;

	if (!fuzz_key)
		fuzz_key = EVP_RSA_gen(1024);
	if (!store || !fuzz_key)
		abort();
	if (envelope_verify(store, bytes_of(data, size), &content, &len, &signer, &signing_time_s))
		abort(); /* an empty store trusts nobody */
	(void)envelope_open_inner(fuzz_key, bytes_of(data, size), &inner, &len);
	return 0;
}
