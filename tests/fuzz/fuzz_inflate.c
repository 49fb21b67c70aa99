/* SPDX-License-Identifier: Apache-2.0 */
/* zlib streams from outside: bounded, and equal when deflated and inflated again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cleanup.h"
#include "envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(openssl) uint8_t *content = NULL;
	CLEANUP(openssl) uint8_t *deflated = NULL;
	CLEANUP(openssl) uint8_t *again = NULL;
	size_t len = 0, deflated_len = 0, again_len = 0;

	if (!envelope_inflate(bytes_of(data, size), &content, &len))
		return 0;
	if (len > ENVELOPE_INFLATE_MAX ||
		!envelope_deflate(bytes_of(content, len), &deflated, &deflated_len) ||
		!envelope_inflate(bytes_of(deflated, deflated_len), &again, &again_len) ||
		!bytes_equal(bytes_of(content, len), bytes_of(again, again_len)))
		abort();
	return 0;
}
