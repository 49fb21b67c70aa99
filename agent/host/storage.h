/* SPDX-License-Identifier: Apache-2.0 */
/* The token directory of SoftHSM2 as other processes change it, read without SoftHSM2. */
#ifndef IOTHSM_STORAGE_H
#define IOTHSM_STORAGE_H

#include "host.h"

enum { STORAGE_FILE_MAX = 64 * 1024, STORAGE_TOKENS_MAX = HOST_TOKENS_MAX };

struct storage_token {
	char serial[LINK_SERIAL_LEN + 1];
	uint64_t edition; /* another one after a PIN was changed or the token initialised again */
};

struct storage {
	struct storage_token tokens[STORAGE_TOKENS_MAX];
	size_t count;
};

/* The directory that the configuration of SoftHSM2 names; false when there is none. */
bool storage_find(char *directory, size_t room);

/* A token.object; false when it is malformed or not complete yet. */
bool storage_parse(struct bytes file, struct storage_token *token);

/* False when the directory cannot be read or holds what is no token of a known form. */
bool storage_read(const char *directory, struct storage *storage);

/* NULL when there is none. */
struct storage_token *storage_token_of(struct storage *storage, const char *serial);

bool storage_is_same(struct storage *a, struct storage *b);

/* Takes over what b knows of one token. */
void storage_follow(struct storage *a, struct storage *b, const char *serial);

#endif
