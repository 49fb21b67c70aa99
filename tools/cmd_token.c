/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm token: list, show, init, delete. */
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "cli.h"
#include "cli_error.h"
#include "cli_module.h"
#include "cli_output.h"
#include "cli_pin.h"
#include "cli_token.h"
#include "text.h"

enum { TOKEN_MECHANISMS_MAX = 4096 };

static const struct cli_column list_columns[] = {
	{ "serial", "SERIAL" },
	{ "label", "LABEL" },
	{ "model", "MODEL" },
	{ "slot", "SLOT" },
	{ "initialised", "INITIALISED" },
	{ "pin", "PIN" },
	{ "uri", "URI" },
};

static const struct cli_column show_columns[] = {
	{ "uri", "URI" },
	{ "serial", "Serial" },
	{ "label", "Label" },
	{ "model", "Model" },
	{ "manufacturer", "Manufacturer" },
	{ "firmware", "Firmware" },
	{ "slot", "Slot" },
	{ "initialised", "Initialised" },
	{ "pin", "User PIN" },
	{ "so_pin", "SO PIN" },
	{ "kept_pin", "PIN kept by agent" },
	{ "write_protected", "Write protected" },
	{ "rights", "Your rights" },
	{ "mechanisms", "Mechanisms" },
	{ "provisioning", "Can provision" },
};

static const struct {
	CK_FLAGS user;
	CK_FLAGS so;
	const char *text;
} pin_states[] = {
	{ CKF_USER_PIN_LOCKED, CKF_SO_PIN_LOCKED, "locked" },
	{ CKF_USER_PIN_FINAL_TRY, CKF_SO_PIN_FINAL_TRY, "final try" },
	{ CKF_USER_PIN_COUNT_LOW, CKF_SO_PIN_COUNT_LOW, "count low" },
	{ CKF_USER_PIN_TO_BE_CHANGED, CKF_SO_PIN_TO_BE_CHANGED, "to be changed" },
};

static const struct {
	CK_FLAGS right;
	const char *name;
} right_names[] = {
	{ IOTHSM_RIGHT_USE, "use" },
	{ IOTHSM_RIGHT_SIGN, "sign" },
	{ IOTHSM_RIGHT_DECRYPT, "decrypt" },
	{ IOTHSM_RIGHT_GENERATE, "generate" },
	{ IOTHSM_RIGHT_DESTROY, "destroy" },
	{ IOTHSM_RIGHT_SO, "so" },
	{ IOTHSM_RIGHT_ADMIN, "admin" },
	{ IOTHSM_RIGHT_KEPT_PIN, "kept-pin" },
	{ IOTHSM_RIGHT_KEPT_SO_PIN, "kept-so-pin" },
};

static const char *pin_state(CK_FLAGS flags, bool so)
{
	if (!so && !(flags & CKF_USER_PIN_INITIALIZED))
		return "not set";
	for (size_t i = 0; i < ARRAY_LEN(pin_states); i++)
		if (flags & (so ? pin_states[i].so : pin_states[i].user))
			return pin_states[i].text;
	return "ok";
}

static json_t *token_describe(const struct cli_token *token)
{
	json_t *row = json_object();
	struct cli_uri uri = cli_token_uri(token);
	CK_FLAGS flags = token->info.flags;
	char text[CLI_URI_MAX];

	(void)json_object_set_new(row, "serial", cli_output_text(bytes_of_text(token->serial)));
	(void)json_object_set_new(row, "label", cli_output_text(bytes_of_text(token->label)));
	(void)json_object_set_new(row, "model", cli_output_text(bytes_of_text(token->model)));
	(void)json_object_set_new(row, "slot", json_integer((json_int_t)token->slot));
	(void)json_object_set_new(
		row, "initialised", json_boolean(cli_token_is_initialised(token)));
	(void)json_object_set_new(row, "pin", json_string(pin_state(flags, false)));
	if (cli_uri_print(&uri, NULL, text))
		(void)json_object_set_new(row, "uri", json_string(text));
	return row;
}

CK_RV cmd_token_list(struct cli *cli)
{
	CLEANUP(tokens) struct cli_tokens tokens = { 0 };
	CLEANUP(json) json_t *rows = json_array();

	TRY(cli_token_list(cli, &tokens));
	for (size_t i = 0; i < tokens.count; i++)
		(void)json_array_append_new(rows, token_describe(&tokens.list[i]));
	cli_output_rows(stdout, cli_output_form(stdout, cli->options.json), list_columns,
		ARRAY_LEN(list_columns), rows);
	return CKR_OK;
}

static void describe_rights(struct cli *cli, const struct cli_token *token, json_t *row)
{
	json_t *names = json_array();
	CK_FLAGS rights = 0;
	CK_RV rv = cli->admin->rights(token->slot, &rights);

	for (size_t i = 0; rv == CKR_OK && i < ARRAY_LEN(right_names); i++)
		if (rights & right_names[i].right)
			(void)json_array_append_new(names, json_string(right_names[i].name));
	(void)json_object_set_new(row, "rights", names);
}

static CK_RV describe_mechanisms(struct cli *cli, const struct cli_token *token, json_t *row)
{
	CLEANUP(free) CK_MECHANISM_TYPE *list = NULL;
	CK_FUNCTION_LIST *functions = cli->functions;
	CK_ULONG count = 0;
	bool provisions = false;

	TRY(functions->C_GetMechanismList(token->slot, NULL, &count));
	if (count > TOKEN_MECHANISMS_MAX)
		return CKR_DATA_LEN_RANGE;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return CKR_HOST_MEMORY;
	TRY(functions->C_GetMechanismList(token->slot, list, &count));
	for (CK_ULONG i = 0; i < count; i++)
		provisions = provisions || list[i] == CKM_IOTHSM_SELF_SIGN;
	(void)json_object_set_new(row, "mechanisms", json_integer((json_int_t)count));
	(void)json_object_set_new(row, "provisioning", json_boolean(provisions));
	return CKR_OK;
}

CK_RV cmd_token_show(struct cli *cli)
{
	CLEANUP(json) json_t *row = NULL;
	struct cli_token token;
	char firmware[16];
	CK_RV rv;

	TRY(cli_token_choose(cli, &token));
	row = token_describe(&token);
	(void)snprintf(firmware, sizeof(firmware), "%u.%u", token.info.firmwareVersion.major,
		token.info.firmwareVersion.minor);
	(void)json_object_set_new(
		row, "manufacturer", cli_output_text(bytes_of_text(token.manufacturer)));
	(void)json_object_set_new(row, "firmware", json_string(firmware));
	(void)json_object_set_new(row, "so_pin", json_string(pin_state(token.info.flags, true)));
	(void)json_object_set_new(row, "kept_pin",
		json_boolean(token.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH));
	(void)json_object_set_new(
		row, "write_protected", json_boolean(token.info.flags & CKF_WRITE_PROTECTED));
	if (cli->admin)
		describe_rights(cli, &token, row);
	rv = describe_mechanisms(cli, &token, row);
	if (rv != CKR_OK)
		return cli_error(cli, rv, "listing the mechanisms");
	cli_output_record(stdout, cli_output_form(stdout, cli->options.json), show_columns,
		ARRAY_LEN(show_columns), row);
	return CKR_OK;
}

/* A token named by --token is initialised again, which destroys its keys. */
static CK_RV init_choose(struct cli *cli, struct cli_token *token)
{
	if (!cli->options.token)
		return cli_token_choose_free(cli, token);
	TRY(cli_token_choose(cli, token));
	return cli_pin_confirm(cli, "This destroys every key of the token; type yes to go on");
}

static CK_RV init_user_pin(
	struct cli *cli, const struct cli_token *token, struct secret *so_pin, struct secret *pin)
{
	CK_SESSION_HANDLE session;
	CK_RV rv;

	TRY(cli_token_open(cli, token, CKF_RW_SESSION, &session));
	rv = cli->functions->C_Login(session, CKU_SO, so_pin->data, so_pin->len);
	if (rv != CKR_OK)
		return cli_token_pin_error(cli, token, rv, "logging in as SO");
	rv = cli->functions->C_InitPIN(session, pin->data, pin->len);
	(void)cli->functions->C_CloseSession(session);
	return rv == CKR_OK ? rv : cli_error(cli, rv, "setting the user PIN");
}

CK_RV cmd_token_init(struct cli *cli)
{
	CLEANUP(pin) struct secret so_pin = { 0 };
	CLEANUP(pin) struct secret pin = { 0 };
	CLEANUP(json) json_t *row = NULL;
	struct cli_token token;
	uint8_t label[32];
	CK_RV rv;

	if (!cli->options.label || strlen(cli->options.label) > sizeof(label))
		return cli_refuse(cli, CLI_USAGE, "client: --label of at most 32 bytes is missing");
	TRY(init_choose(cli, &token));
	TRY(cli_pin_read_new(cli, &cli->options.so_pin, "SO PIN of the token", &so_pin));
	TRY(cli_pin_read_new(cli, &cli->options.new_pin, "New user PIN", &pin));
	text_pad(label, sizeof(label), cli->options.label);
	rv = cli->functions->C_InitToken(token.slot, so_pin.data, so_pin.len, label);
	if (rv != CKR_OK)
		return cli_token_pin_error(cli, &token, rv, "initialising the token");
	rv = cli_token_refresh(cli, &token);
	if (rv != CKR_OK)
		return cli_error(cli, rv, "reading the new token");
	cli_token_name(cli, &token);
	TRY(init_user_pin(cli, &token, &so_pin, &pin));
	(void)cli_token_refresh(cli, &token);
	row = token_describe(&token);
	cli_output_record(stdout, cli_output_form(stdout, cli->options.json), list_columns,
		ARRAY_LEN(list_columns), row);
	return CKR_OK;
}

CK_RV cmd_token_delete(struct cli *cli)
{
	CLEANUP(pin) struct secret so_pin = { 0 };
	struct cli_token token;
	CK_RV rv;

	if (!cli->options.token)
		return cli_refuse(cli, CLI_USAGE,
			"client: --token is missing: a token is deleted only by name");
	TRY(cli_module_need_admin(cli));
	TRY(cli_token_choose(cli, &token));
	TRY(cli_pin_confirm(cli, "This deletes the token with every key; type yes to go on"));
	TRY(cli_pin_read(cli, &cli->options.so_pin, "SO PIN of the token", &so_pin));
	rv = cli->admin->delete_token(token.slot, so_pin.data, so_pin.len);
	if (rv != CKR_OK)
		return cli_token_pin_error(cli, &token, rv, "deleting the token");
	cli_note(cli, "token %s is deleted", token.serial);
	return CKR_OK;
}

CK_RV cmd_token_rescan(struct cli *cli)
{
	TRY(cli_module_need_admin(cli));
	TRY(cli_module_check_agent(cli));
	CK_RV rv = cli->admin->rescan();

	return rv == CKR_OK ? rv : cli_error(cli, rv, "looking for tokens again");
}
