/* SPDX-License-Identifier: Apache-2.0 */
/* Random (version 4) UUIDs, RFC 9562. */
#include "uuid.h"

#include <ctype.h>
#include <string.h>

#include <openssl/rand.h>

#include "text.h"

static const size_t uuid_groups[] = { 4, 2, 2, 2, 6 };

bool uuid_make(char out[UUID_TEXT_LEN + 1])
{
	uint8_t random[16];
	const uint8_t *in = random;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return false;
	random[6] = (random[6] & 0x0f) | 0x40;
	random[8] = (random[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < ARRAY_LEN(uuid_groups); i++) {
		text_hex(out, bytes_of(in, uuid_groups[i]));
		in += uuid_groups[i];
		out += 2 * uuid_groups[i];
		*out++ = '-';
	}
	out[-1] = '\0';
	return true;
}

bool uuid_is_valid(const char *text)
{
	if (strlen(text) != UUID_TEXT_LEN)
		return false;
	for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}
