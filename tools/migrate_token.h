/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of an appliance's state put beside their keys on the tokens that are there. */
#ifndef IOTHSM_MIGRATE_TOKEN_H
#define IOTHSM_MIGRATE_TOKEN_H

#include <openssl/x509.h>

#include "cli_object.h"
#include "cli_token.h"

/* A key on a token that a certificate is of. */
struct migrate_key {
	struct cli_token token;
	uint8_t id[CLI_OBJECT_ID_MAX];
	size_t id_len;
	bool has_certificate; /* this very one is there already */
};

/* The first token that has the public key under an id; found is false when none has. Says what
 * failed. */
CK_RV migrate_token_find(struct cli *cli, const X509 *cert, struct migrate_key *key, bool *found);

/* By the provisioning mechanism, which checks the certificate against the key once more. */
CK_RV migrate_token_import(struct cli *cli, const X509 *cert, const struct migrate_key *key);

#endif
