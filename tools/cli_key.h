/* SPDX-License-Identifier: Apache-2.0 */
/* Key types by name, as rsa:4096 or EC:secp384r1, and the templates they mean. */
#ifndef IOTHSM_CLI_KEY_H
#define IOTHSM_CLI_KEY_H

#include "bytes.h"
#include "cli_object.h"

enum { CLI_KEY_ATTRIBUTES_MAX = 24, CLI_KEY_NAME_MAX = 64 };

struct cli_key_type {
	const char *name;
	CK_KEY_TYPE type;
	CK_ULONG bits;       /* RSA */
	struct bytes params; /* CKA_EC_PARAMS */
};

/* In any letter case; NULL for a type that is not known. */
const struct cli_key_type *cli_key_type_find(const char *name);

/* "rsa:2048, rsa:4096, …" for messages. */
const char *cli_key_type_names(void);

/* A template under construction; values stay the caller's. */
struct cli_key_template {
	CK_ATTRIBUTE list[CLI_KEY_ATTRIBUTES_MAX];
	CK_ULONG count;
};
void cli_key_put(
	struct cli_key_template *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t len);
void cli_key_put_flag(struct cli_key_template *template, CK_ATTRIBUTE_TYPE type, bool value);

/* What every key of ours has: on the token, its id and label; a private one signs and never leaves.
 */
void cli_key_put_common(struct cli_key_template *template, CK_OBJECT_CLASS class, struct bytes id,
	const char *label);

/* The type of a key object, as in the table; "unknown" when the token does not tell. */
void cli_key_describe(
	struct cli_session *session, CK_OBJECT_HANDLE key, char name[CLI_KEY_NAME_MAX]);

#endif
