/* SPDX-License-Identifier: Apache-2.0 */
/* Which token a command works on, and its sessions and logins. */
#ifndef IOTHSM_CLI_TOKEN_H
#define IOTHSM_CLI_TOKEN_H

#include "cli.h"
#include "cli_uri.h"

struct cli_token {
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	char label[33];
	char serial[17];
	char manufacturer[33];
	char model[17];
};

struct cli_tokens {
	struct cli_token *list; /* freed by the caller */
	size_t count;
};

/* For CLEANUP(tokens). */
void cleanup_tokens(struct cli_tokens *tokens);

/* Every present token; those that --token does not name are left out. */
CK_RV cli_token_list(struct cli *cli, struct cli_tokens *tokens);

/* The one initialised token that --token names, or the only one there is. */
CK_RV cli_token_choose(struct cli *cli, struct cli_token *token);

/* The first token that is not initialised yet. */
CK_RV cli_token_choose_free(struct cli *cli, struct cli_token *token);

/* Reads the token's information again. */
CK_RV cli_token_refresh(struct cli *cli, struct cli_token *token);

/* Later messages name this token. */
void cli_token_name(struct cli *cli, const struct cli_token *token);

bool cli_token_matches(const struct cli_token *token, const char *wanted);
bool cli_token_is_initialised(const struct cli_token *token);
struct cli_uri cli_token_uri(const struct cli_token *token);

CK_RV cli_token_open(
	struct cli *cli, const struct cli_token *token, CK_FLAGS flags, CK_SESSION_HANDLE *session);

/* Logs in with the PIN of the options, with the one that the agent keeps, or with one asked for. */
CK_RV cli_token_login(struct cli *cli, const struct cli_token *token, CK_SESSION_HANDLE session,
	CK_USER_TYPE user);

/* As before, but only when that needs no question: a PIN is given, kept by the agent, or --login
 * says so. */
CK_RV cli_token_login_if_asked(
	struct cli *cli, const struct cli_token *token, CK_SESSION_HANDLE session, bool *logged_in);

/* Says that a PIN was not taken, with what the token says about its tries. */
CK_RV cli_token_pin_error(
	struct cli *cli, const struct cli_token *token, CK_RV rv, const char *step);

#endif
