/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a token with what belongs to them: certificate, request, state. */
#ifndef IOTHSM_CLI_INVENTORY_H
#define IOTHSM_CLI_INVENTORY_H

#include <jansson.h>
#include <openssl/evp.h>

#include "cli_object.h"
#include "cli_token.h"

/* One object for each key: token, id, label, type, private, state, certificate fields, request,
 * uri. */
CK_RV cli_inventory_read(
	struct cli_session *session, const struct cli_token *token, bool logged_in, json_t *rows);

/* Of every token that --token names; logs in where cli_token_login_if_asked() does. */
CK_RV cli_inventory_read_all(struct cli *cli, json_t *rows);

/* The row with this id; NULL when there is none. */
json_t *cli_inventory_find(const json_t *rows, struct bytes id);

/* Of a public key object; NULL when it is malformed or of an unknown kind. */
EVP_PKEY *cli_inventory_public_key(struct cli_session *session, CK_OBJECT_HANDLE handle);

#endif
