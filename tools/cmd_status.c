/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm status: the agent with its tokens, and the bridge where one runs. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "cli.h"
#include "cli_bridge.h"
#include "cli_error.h"
#include "cli_ladder.h"
#include "cli_module.h"
#include "cli_output.h"
#include "json.h"

static CK_RV agent_state(struct cli *cli, json_t *state)
{
	CLEANUP(free) char *text = NULL;
	json_t *agent;

	TRY(cli_module_agent_status(cli, &text));
	agent = json_parse(bytes_of_text(text));
	if (!json_is_object(agent)) {
		json_decref(agent);
		return cli_error(cli, CKR_DATA_INVALID, "its state is no JSON object");
	}
	(void)json_object_set_new(state, "agent", agent);
	return CKR_OK;
}

/* A bridge is optional: only one that was named, or that is there and fails, is an error. */
static CK_RV bridge_state(struct cli *cli, json_t *state)
{
	const char *path = cli_bridge_path(cli);
	CLEANUP(json) json_t *answer = cli_bridge_ask(path, "status");
	json_t *data = json_object_get(answer, "data");
	const char *message = json_text(answer, "message");

	if (!answer && !cli->options.bridge &&
		(errno == ENOENT || errno == ECONNREFUSED || errno == EACCES)) {
		(void)json_object_set_new(state, "bridge",
			json_string(
				errno == EACCES ? "may not be asked by this user" : "not running"));
		return CKR_OK;
	}
	if (!answer)
		return cli_refuse(cli, CLI_UNREACHABLE,
			"platform bridge %s: %s; see systemctl status iothsm-bridge", path,
			strerror(errno));
	if (!json_is_true(json_object_get(answer, "success")))
		return cli_refuse(cli, CLI_FAILURE, "platform bridge %s: %s; see its log", path,
			message ? message : "it gives no reason");
	(void)json_object_set(state, "bridge", data ? data : json_null());
	return CKR_OK;
}

/* The CK_TOKEN_INFO flags are for programs; token list and token show have them in words. */
static void hide_flags(json_t *state)
{
	json_t *tokens = json_object_get(json_object_get(state, "agent"), "tokens");

	for (size_t i = 0; i < json_array_size(tokens); i++)
		(void)json_object_del(json_array_get(tokens, i), "flags");
}

/* For a person: what has not happened is not told, and the CAs have a place of their own. */
static void shorten(json_t *bridge)
{
	json_t *refused = json_object_get(bridge, "refused");
	const char *key;
	json_t *count;
	void *next;

	json_object_foreach_safe(refused, next, key, count)
	{
		if (json_integer_value(count) == 0)
			(void)json_object_del(refused, key);
	}
	(void)json_object_del(bridge, "cas");
}

static void print_state(enum cli_output_form form, json_t *state)
{
	json_t *bridge = json_object_get(state, "bridge");
	CLEANUP(json) json_t *cas = json_deep_copy(json_object_get(bridge, "cas"));
	json_t *listed = json_object_get(bridge, "cas");

	hide_flags(state);
	for (size_t i = 0; i < json_array_size(listed); i++)
		(void)json_object_del(json_array_get(listed, i), "ladder");
	if (form == CLI_OUTPUT_TABLE)
		shorten(bridge);
	cli_output_tree(stdout, form, state);
	cli_ladder_print(stdout, form, cas, (int64_t)time(NULL));
}

CK_RV cmd_status(struct cli *cli)
{
	enum cli_output_form form = cli_output_form(stdout, cli->options.json);
	CLEANUP(json) json_t *state = json_object();
	CK_RV agent = agent_state(cli, state);
	enum cli_exit agent_exit = cli->status;
	CK_RV bridge = bridge_state(cli, state);

	if (agent != CKR_OK)
		cli->status = agent_exit;
	if (form == CLI_OUTPUT_JSON)
		cli_output_tree(stdout, form, state);
	else
		print_state(form, state);
	return agent != CKR_OK ? agent : bridge;
}
