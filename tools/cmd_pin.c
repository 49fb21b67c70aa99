/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm pin: keep, forget, change, unlock. */
#include "cleanup.h"
#include "cli.h"
#include "cli_error.h"
#include "cli_module.h"
#include "cli_pin.h"
#include "cli_token.h"

static CK_USER_TYPE wanted_user(const struct cli *cli)
{
	return cli->options.so ? CKU_SO : CKU_USER;
}

static const struct cli_secret_source *wanted_source(const struct cli *cli)
{
	return cli->options.so ? &cli->options.so_pin : &cli->options.pin;
}

static void prompt_for(
	char prompt[80], const struct cli *cli, const struct cli_token *token, const char *kind)
{
	(void)snprintf(prompt, 80, "%s%s PIN of token %s", kind, cli->options.so ? "SO" : "user",
		token->serial);
}

CK_RV cmd_pin_keep(struct cli *cli)
{
	CLEANUP(pin) struct secret pin = { 0 };
	struct cli_token token;
	char prompt[80];
	CK_RV rv;

	TRY(cli_module_need_admin(cli));
	TRY(cli_token_choose(cli, &token));
	prompt_for(prompt, cli, &token, "");
	TRY(cli_pin_read(cli, wanted_source(cli), prompt, &pin));
	rv = cli->admin->keep_pin(token.slot, wanted_user(cli), pin.data, pin.len);
	if (rv != CKR_OK)
		return cli_token_pin_error(cli, &token, rv, "keeping the PIN");
	cli_note(cli, "token %s: the agent keeps the %s PIN now", token.serial,
		cli->options.so ? "SO" : "user");
	return CKR_OK;
}

CK_RV cmd_pin_forget(struct cli *cli)
{
	struct cli_token token;
	CK_RV rv;

	TRY(cli_module_need_admin(cli));
	TRY(cli_token_choose(cli, &token));
	rv = cli->admin->forget_pin(token.slot, wanted_user(cli));
	if (rv != CKR_OK)
		return cli_error(cli, rv, "forgetting the PIN");
	cli_note(cli, "token %s: the agent keeps no %s PIN", token.serial,
		cli->options.so ? "SO" : "user");
	return CKR_OK;
}

CK_RV cmd_pin_unlock(struct cli *cli)
{
	struct cli_token token;
	CK_RV rv;

	TRY(cli_module_need_admin(cli));
	TRY(cli_token_choose(cli, &token));
	rv = cli->admin->clear_guard(token.slot);
	if (rv != CKR_OK)
		return cli_error(cli, rv, "forgetting the wrong PINs");
	cli_note(cli,
		"token %s: wrong PINs of all users are forgotten; the token's own counter is "
		"unchanged",
		token.serial);
	return CKR_OK;
}

CK_RV cmd_pin_change(struct cli *cli)
{
	CLEANUP(pin) struct secret old = { 0 };
	CLEANUP(pin) struct secret new = { 0 };
	struct cli_token token;
	CK_SESSION_HANDLE session;
	char prompt[80];
	CK_RV rv;

	TRY(cli_token_choose(cli, &token));
	TRY(cli_token_open(cli, &token, CKF_RW_SESSION, &session));
	prompt_for(prompt, cli, &token, "Present ");
	TRY(cli_pin_read(cli, wanted_source(cli), prompt, &old));
	prompt_for(prompt, cli, &token, "New ");
	TRY(cli_pin_read_new(cli, &cli->options.new_pin, prompt, &new));
	/* C_SetPIN changes the PIN of the user who is logged in, and the user's when nobody is
	 * (PKCS#11 3.0, 5.5.8). */
	if (cli->options.so) {
		rv = cli->functions->C_Login(session, CKU_SO, old.data, old.len);
		if (rv != CKR_OK)
			return cli_token_pin_error(cli, &token, rv, "logging in as SO");
	}
	rv = cli->functions->C_SetPIN(session, old.data, old.len, new.data, new.len);
	if (rv != CKR_OK)
		return cli_token_pin_error(cli, &token, rv, "changing the PIN");
	cli_note(cli, "token %s: the %s PIN is changed", token.serial,
		cli->options.so ? "SO" : "user");
	return CKR_OK;
}
