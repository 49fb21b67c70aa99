/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm, the command line: a table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "cli.h"
#include "cli_error.h"
#include "cli_module.h"
#include "secret.h"

enum {
	TAKES_KEY = CLI_TAKES_PIN | CLI_TAKES_ID,
	TAKES_CERTIFICATE = TAKES_KEY | CLI_TAKES_OUTPUT | CLI_TAKES_DER,
	TAKES_LIST = CLI_TAKES_PIN | CLI_TAKES_LOGIN,
	TAKES_WHICH_PIN = CLI_TAKES_PIN | CLI_TAKES_SO_PIN | CLI_TAKES_SO,
	AUDIT_ARGUMENTS_MAX = 256
};

static const struct cli_command commands[] = {
	{ "status", NULL, "", "state of the agent, its tokens, and the bridge", CLI_TAKES_BRIDGE, 0,
		cmd_status },
	{ "token", "list", "", "tokens that are present", 0, 0, cmd_token_list },
	{ "token", "show", "", "one token in full", 0, 0, cmd_token_show },
	{ "token", "init", "--label TEXT", "initialise a free token, or the one named by --token",
		CLI_TAKES_SO_PIN | CLI_TAKES_NEW_PIN | CLI_TAKES_LABEL | CLI_TAKES_YES, 0,
		cmd_token_init },
	{ "token", "delete", "--token TOKEN", "delete a token with all its keys",
		CLI_TAKES_SO_PIN | CLI_TAKES_YES, 0, cmd_token_delete },
	{ "token", "rescan", "", "look for tokens that others made or deleted", 0, 0,
		cmd_token_rescan },
	{ "key", "list", "", "keys and what belongs to them", TAKES_LIST, 0, cmd_key_list },
	{ "key", "prepare", "--id HEX --type TYPE", "generate a key for a certificate authority",
		TAKES_KEY | CLI_TAKES_LABEL | CLI_TAKES_TYPE, 0, cmd_key_prepare },
	{ "key", "import", "--id HEX FILE", "import a private key, PEM or DER, encrypted or not",
		TAKES_KEY | CLI_TAKES_LABEL | CLI_TAKES_PASSWORD, 1, cmd_key_import },
	{ "ca", "self-sign", "--id HEX FILE", "make a root from a provisioning certificate",
		TAKES_CERTIFICATE, 1, cmd_ca_self_sign },
	{ "ca", "csr", "--id HEX FILE",
		"make a certificate request from a provisioning certificate", TAKES_CERTIFICATE, 1,
		cmd_ca_csr },
	{ "ca", "import-cert", "--id HEX FILE", "store the certificate that was signed elsewhere",
		TAKES_KEY, 1, cmd_ca_import_cert },
	{ "ca", "show", "--id HEX", "one certificate authority in full", TAKES_LIST | CLI_TAKES_ID,
		0, cmd_ca_show },
	{ "ca", "list", "", "certificate authorities and their state", TAKES_LIST, 0, cmd_ca_list },
	{ "pin", "keep", "[--so]", "let the agent keep a PIN", TAKES_WHICH_PIN, 0, cmd_pin_keep },
	{ "pin", "forget", "[--so]", "let the agent forget it", CLI_TAKES_SO, 0, cmd_pin_forget },
	{ "pin", "change", "[--so]", "change a PIN", TAKES_WHICH_PIN | CLI_TAKES_NEW_PIN, 0,
		cmd_pin_change },
	{ "pin", "unlock", "", "forget the wrong PINs that the agent counted", 0, 0,
		cmd_pin_unlock },
	{ "audit", "verify", "FILE|DIR…", "check that nothing in a record or journal was changed",
		CLI_OFFLINE, AUDIT_ARGUMENTS_MAX, cmd_audit_verify },
	{ "platform", "trust", "FILE", "check and install the anchor of the platform's messages",
		CLI_TAKES_OUTPUT, 1, cmd_platform_trust },
	{ "policy", "test", "[--ca FILE] FILE", "whether a key may sign a certificate, and why not",
		CLI_TAKES_POLICY | CLI_OFFLINE, 1, cmd_policy_test },
	{ "migrate", NULL, "DIR", "take over what an IoT-HSM appliance knows",
		CLI_TAKES_PIN | CLI_TAKES_MIGRATION, 1, cmd_migrate },
};

static void help_print(FILE *out)
{
	(void)fputs("usage: iothsm [OPTION]… COMMAND [OPTION]…\n\nCommands:\n", out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct cli_command *command = &commands[i];
		char words[80];

		(void)snprintf(words, sizeof(words), "%s%s%s %s", command->noun,
			command->verb ? " " : "", command->verb ? command->verb : "",
			command->usage);
		(void)fprintf(out, "  %-36s %s\n", words, command->help);
	}
	(void)fprintf(out, "  %-36s %s\n  %-36s %s\n\nOptions of every command:\n", "version",
		"print the version", "help [COMMAND]", "explain a command");
	cli_options_print(out, 0);
	(void)fputs("\nA PIN comes from a file, a descriptor or the terminal, never from the "
		    "command line.\n",
		out);
}

static void help_print_command(FILE *out, const struct cli_command *command)
{
	(void)fprintf(out, "usage: iothsm %s%s%s %s\n\n%s\n\nOptions:\n", command->noun,
		command->verb ? " " : "", command->verb ? command->verb : "", command->usage,
		command->help);
	if (command->accepts)
		cli_options_print(out, command->accepts);
	cli_options_print(out, 0);
}

static const struct cli_command *command_find(int count, char **words)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct cli_command *command = &commands[i];

		if (count > 0 && strcmp(words[0], command->noun) == 0 &&
			(!command->verb || (count > 1 && strcmp(words[1], command->verb) == 0)))
			return command;
	}
	return NULL;
}

static int usage_error(int count, char **words)
{
	(void)fprintf(stderr, "iothsm: there is no command \"%s%s%s\"; see iothsm help\n",
		count > 0 ? words[0] : "", count > 1 ? " " : "", count > 1 ? words[1] : "");
	return CLI_USAGE;
}

static int help_run(int count, char **words)
{
	const struct cli_command *command = command_find(count, words);

	if (!command && count > 0)
		return usage_error(count, words);
	if (command)
		help_print_command(stdout, command);
	else
		help_print(stdout);
	return CLI_OK;
}

static CK_RV command_check(struct cli *cli, const struct cli_command *command)
{
	const char *unwanted = cli_options_unwanted(&cli->options, command->accepts);

	if (unwanted)
		return cli_refuse(cli, CLI_USAGE,
			"client: --%s has no meaning here; see iothsm help %s", unwanted,
			cli->command);
	if (cli->argument_count > command->arguments_max)
		return cli_refuse(cli, CLI_USAGE,
			"client: \"%s\" is not expected; see iothsm help %s",
			cli->arguments[command->arguments_max], cli->command);
	return CKR_OK;
}

static CK_RV command_run(struct cli *cli, const struct cli_command *command)
{
	CK_RV rv;

	TRY(command_check(cli, command));
	rv = command->accepts & CLI_OFFLINE ? CKR_OK : cli_module_open(cli);
	if (rv == CKR_OK)
		rv = command->run(cli);
	cli_module_close(cli);
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_refuse(cli, CLI_FAILURE, "client: the output could not be written");
	return rv;
}

static int command_start(struct cli *cli, int count, char **words)
{
	const struct cli_command *command = command_find(count, words);
	char name[64];
	int used;

	if (!command)
		return usage_error(count, words);
	used = command->verb ? 2 : 1;
	(void)snprintf(name, sizeof(name), "%s%s%s", command->noun, command->verb ? " " : "",
		command->verb ? command->verb : "");
	cli->command = name;
	cli->arguments = words + used;
	cli->argument_count = count - used;
	if (command_run(cli, command) == CKR_OK)
		return CLI_OK;
	return cli->status != CLI_OK ? cli->status : CLI_FAILURE;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int first = cli_options_parse(&cli.options, argc, argv);
	int count = argc - first;

	if (first < 0)
		return CLI_USAGE;
	secret_harden_process();
	if (count > 0 && strcmp(argv[first], "version") == 0)
		return puts("iothsm " IOTHSM_VERSION) < 0 ? CLI_FAILURE : CLI_OK;
	if (count > 0 && strcmp(argv[first], "help") == 0)
		return help_run(count - 1, argv + first + 1);
	if (cli.options.help)
		return help_run(count, argv + first);
	if (count == 0) {
		help_print(stderr);
		return CLI_USAGE;
	}
	return command_start(&cli, count, argv + first);
}
