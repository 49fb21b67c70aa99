/* SPDX-License-Identifier: Apache-2.0 */
/* Which token a command works on, and its sessions and logins. */
#include "cli_token.h"

#include <stdlib.h>

#include "cleanup.h"
#include "cli_error.h"
#include "cli_module.h"
#include "cli_pin.h"
#include "text.h"

enum { TOKEN_SLOTS_MAX = 4096, TOKEN_LIST_TRIES = 4 };

void cleanup_tokens(struct cli_tokens *tokens)
{
	free(tokens->list);
}

CK_RV cli_token_refresh(struct cli *cli, struct cli_token *token)
{
	CK_RV rv = cli->functions->C_GetTokenInfo(token->slot, &token->info);

	if (rv != CKR_OK)
		return rv;
	text_unpad(token->label, token->info.label, sizeof(token->info.label));
	text_unpad(token->serial, token->info.serialNumber, sizeof(token->info.serialNumber));
	text_unpad(token->manufacturer, token->info.manufacturerID,
		sizeof(token->info.manufacturerID));
	text_unpad(token->model, token->info.model, sizeof(token->info.model));
	return CKR_OK;
}

void cli_token_name(struct cli *cli, const struct cli_token *token)
{
	memcpy(cli->serial, token->serial, sizeof(cli->serial));
}

bool cli_token_is_initialised(const struct cli_token *token)
{
	return token->info.flags & CKF_TOKEN_INITIALIZED;
}

struct cli_uri cli_token_uri(const struct cli_token *token)
{
	struct cli_uri uri = { 0 };

	memcpy(uri.token, token->label, sizeof(token->label));
	memcpy(uri.serial, token->serial, sizeof(token->serial));
	memcpy(uri.manufacturer, token->manufacturer, sizeof(token->manufacturer));
	memcpy(uri.model, token->model, sizeof(token->model));
	return uri;
}

static bool text_allows(const char *wanted, const char *text)
{
	return !*wanted || strcmp(wanted, text) == 0;
}

bool cli_token_matches(const struct cli_token *token, const char *wanted)
{
	struct cli_uri uri;
	const char *why;

	if (!wanted)
		return true;
	if (!cli_uri_is_uri(wanted))
		return strcmp(wanted, token->serial) == 0 || strcmp(wanted, token->label) == 0;
	return cli_uri_parse(wanted, &uri, &why) && text_allows(uri.token, token->label) &&
	       text_allows(uri.serial, token->serial) &&
	       text_allows(uri.manufacturer, token->manufacturer) &&
	       text_allows(uri.model, token->model);
}

/* The list may grow between the question for its length and the fetch. */
static CK_RV slots_read(struct cli *cli, CK_SLOT_ID **slots, CK_ULONG *count)
{
	CK_RV rv = CKR_BUFFER_TOO_SMALL;

	for (int tries = 0; rv == CKR_BUFFER_TOO_SMALL && tries < TOKEN_LIST_TRIES; tries++) {
		free(*slots);
		*slots = NULL;
		TRY(cli->functions->C_GetSlotList(CK_TRUE, NULL, count));
		if (*count > TOKEN_SLOTS_MAX)
			return CKR_DATA_LEN_RANGE;
		*slots = calloc(*count + 1, sizeof(**slots));
		if (!*slots)
			return CKR_HOST_MEMORY;
		rv = cli->functions->C_GetSlotList(CK_TRUE, *slots, count);
	}
	return rv;
}

static CK_RV check_wanted(struct cli *cli)
{
	const char *wanted = cli->options.token;
	struct cli_uri uri;
	const char *why;

	if (wanted && cli_uri_is_uri(wanted) && !cli_uri_parse(wanted, &uri, &why))
		return cli_refuse(
			cli, CLI_USAGE, "client: --token is no usable pkcs11: URI: %s", why);
	return CKR_OK;
}

CK_RV cli_token_list(struct cli *cli, struct cli_tokens *tokens)
{
	CLEANUP(free) CK_SLOT_ID *slots = NULL;
	CK_ULONG count = 0;
	CK_RV rv;

	TRY(check_wanted(cli));
	rv = slots_read(cli, &slots, &count);
	if (rv != CKR_OK)
		return cli_error(cli, rv, "listing the slots");
	if (count == 0)
		TRY(cli_module_check_agent(cli));
	tokens->list = calloc(count + 1, sizeof(*tokens->list));
	if (!tokens->list)
		return cli_error(cli, CKR_HOST_MEMORY, "listing the tokens");
	for (CK_ULONG i = 0; i < count; i++) {
		struct cli_token *token = &tokens->list[tokens->count];

		token->slot = slots[i];
		rv = cli_token_refresh(cli, token);
		if (rv != CKR_OK && rv != CKR_TOKEN_NOT_PRESENT && rv != CKR_TOKEN_NOT_RECOGNIZED)
			return cli_error(
				cli, rv, "reading the token in slot %lu", (unsigned long)slots[i]);
		if (rv == CKR_OK && cli_token_matches(token, cli->options.token))
			tokens->count++;
	}
	return CKR_OK;
}

static CK_RV token_pick(struct cli *cli, bool initialised, struct cli_token *picked, size_t *found)
{
	CLEANUP(tokens) struct cli_tokens tokens = { 0 };

	*found = 0;
	TRY(cli_token_list(cli, &tokens));
	for (size_t i = 0; i < tokens.count; i++)
		if (cli_token_is_initialised(&tokens.list[i]) == initialised && (*found)++ == 0)
			*picked = tokens.list[i];
	return CKR_OK;
}

CK_RV cli_token_choose(struct cli *cli, struct cli_token *token)
{
	size_t found;

	TRY(token_pick(cli, true, token, &found));
	if (found == 0) {
		TRY(cli_module_check_agent(cli));
		return cli_refuse(cli, CLI_ABSENT,
			"token %s: CKR_TOKEN_NOT_PRESENT: there is no such token; see "
			"iothsm token list",
			cli->options.token ? cli->options.token : "(any)");
	}
	if (found > 1)
		return cli_refuse(cli, CLI_USAGE,
			"client: %zu tokens %s; name one by --token SERIAL (see iothsm token list)",
			found, cli->options.token ? "have this name" : "are there");
	cli_token_name(cli, token);
	return CKR_OK;
}

CK_RV cli_token_choose_free(struct cli *cli, struct cli_token *token)
{
	size_t found;

	TRY(token_pick(cli, false, token, &found));
	if (found > 0)
		return CKR_OK;
	TRY(cli_module_check_agent(cli));
	return cli_refuse(cli, CLI_ABSENT,
		"host: CKR_TOKEN_NOT_PRESENT: no backend offers a token that is not initialised; "
		"--token names "
		"one to initialise again");
}

CK_RV cli_token_open(
	struct cli *cli, const struct cli_token *token, CK_FLAGS flags, CK_SESSION_HANDLE *session)
{
	CK_RV rv = cli->functions->C_OpenSession(
		token->slot, CKF_SERIAL_SESSION | flags, NULL, NULL, session);

	return rv == CKR_OK ? rv : cli_error(cli, rv, "opening a session");
}

CK_RV cli_token_pin_error(
	struct cli *cli, const struct cli_token *token, CK_RV rv, const char *step)
{
	struct cli_token now = *token;

	if (rv == CKR_PIN_INCORRECT && cli_token_refresh(cli, &now) == CKR_OK)
		cli->token_flags = now.info.flags;
	return cli_error(cli, rv, "%s", step);
}

static CK_RV login_with(struct cli *cli, const struct cli_token *token, CK_SESSION_HANDLE session,
	CK_USER_TYPE user, struct secret *pin)
{
	CK_RV rv =
		cli->functions->C_Login(session, user, pin ? pin->data : NULL, pin ? pin->len : 0);

	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return CKR_OK;
	return cli_token_pin_error(
		cli, token, rv, user == CKU_SO ? "logging in as SO" : "logging in");
}

/* The agent keeps the user PIN for this client; the SO PIN only when the rights say so. */
static bool token_keeps_pin(struct cli *cli, const struct cli_token *token, CK_USER_TYPE user)
{
	CK_FLAGS rights = 0;

	if (user == CKU_USER)
		return token->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH;
	return cli->admin && cli->admin->rights(token->slot, &rights) == CKR_OK &&
	       (rights & IOTHSM_RIGHT_KEPT_SO_PIN);
}

CK_RV cli_token_login(struct cli *cli, const struct cli_token *token, CK_SESSION_HANDLE session,
	CK_USER_TYPE user)
{
	const struct cli_secret_source *source =
		user == CKU_SO ? &cli->options.so_pin : &cli->options.pin;
	CLEANUP(pin) struct secret pin = { 0 };
	char prompt[80];

	if (!cli_pin_is_given(source) && token_keeps_pin(cli, token, user))
		return login_with(cli, token, session, user, NULL);
	(void)snprintf(prompt, sizeof(prompt), "%s PIN of token %s", user == CKU_SO ? "SO" : "User",
		token->serial);
	TRY(cli_pin_read(cli, source, prompt, &pin));
	return login_with(cli, token, session, user, &pin);
}

CK_RV cli_token_login_if_asked(
	struct cli *cli, const struct cli_token *token, CK_SESSION_HANDLE session, bool *logged_in)
{
	*logged_in = cli->options.login || cli_pin_is_given(&cli->options.pin) ||
		     token_keeps_pin(cli, token, CKU_USER);
	return *logged_in ? cli_token_login(cli, token, session, CKU_USER) : CKR_OK;
}
