/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprints of the certificates under which the platforms sign their messages. */
#ifndef IOTHSM_CLI_ANCHOR_H
#define IOTHSM_CLI_ANCHOR_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

enum { CLI_ANCHOR_TEXT_MAX = 96 };

struct cli_anchor {
	const char *platform; /* host name */
	const char *sha256;   /* of the DER, as openssl x509 -fingerprint prints it */
};

/* Pairs of upper-case hex digits with colons; false when out of memory. */
bool cli_anchor_fingerprint(const X509 *cert, char out[CLI_ANCHOR_TEXT_MAX]);

/* The one of a list that a certificate is; NULL when it is none. */
const struct cli_anchor *cli_anchor_find(
	const X509 *cert, const struct cli_anchor *list, size_t count);

/* Those that are known. */
const struct cli_anchor *cli_anchor_known(size_t *count);

#endif
