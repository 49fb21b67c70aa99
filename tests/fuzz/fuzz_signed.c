/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that a key is asked to sign: every class that is told is told of whole DER. */
#include <openssl/err.h>
#include <stdlib.h>

#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	const struct policy_key key = { .classes = ~0U,
		.days = 365,
		.path_length = 0,
		.rsa_bits = 2048,
		.ec_bits = 256,
		.hashes = ~0U,
		.not_after = 2000000000 };
	struct bytes input = bytes_of(data, size);
	struct signed_input found;
	struct policy_verdict verdict;

	signed_read(input, key.spki, &found);
	if ((found.class == SIGNED_UNKNOWN) != (found.why[0] != '\0'))
		abort();
	if (found.cert && (found.class < SIGNED_LEAF || found.class > SIGNED_EPHEMERAL))
		abort();
	policy_judge(&key, &mechanism, input, &verdict);
	if (verdict.class != found.class || (verdict.refused != (verdict.reason[0] != '\0')))
		abort();
	signed_reset(&found);
	if (ERR_peek_error() != 0)
		abort();
	return 0;
}
