/* SPDX-License-Identifier: Apache-2.0 */
/* A token.object, which other processes write: every serial that is believed is a text of its
 * length. */
#include <stdlib.h>

#include "storage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct storage_token token;

	if (!storage_parse(bytes_of(data, size), &token))
		return 0;
	if (token.serial[0] == '\0' || !memchr(token.serial, '\0', sizeof(token.serial)))
		abort();
	return 0;
}
