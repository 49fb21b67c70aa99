/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#11 URIs (RFC 7512): made for tokens and keys, and read to choose a token. */
#ifndef IOTHSM_CLI_URI_H
#define IOTHSM_CLI_URI_H

#include "bytes.h"

enum { CLI_URI_MAX = 1024, CLI_URI_VALUE_MAX = 128 };

/* What a URI says of a token; an empty text was not given. */
struct cli_uri {
	char token[CLI_URI_VALUE_MAX + 1];
	char serial[CLI_URI_VALUE_MAX + 1];
	char manufacturer[CLI_URI_VALUE_MAX + 1];
	char model[CLI_URI_VALUE_MAX + 1];
	char object[CLI_URI_VALUE_MAX + 1];
	uint8_t id[CLI_URI_VALUE_MAX];
	size_t id_len;
};

bool cli_uri_is_uri(const char *text);

/* False with what is wrong in *why: an unknown attribute, a bad escape, or a query (PINs are not
 * taken from it). */
bool cli_uri_parse(const char *text, struct cli_uri *uri, const char **why);

/* The URI of a token, or of an object when it has an id or a label; type may be NULL. False when it
 * does not fit. */
bool cli_uri_print(const struct cli_uri *uri, const char *type, char out[CLI_URI_MAX]);

#endif
