/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the command line: one table, filled into one structure. */
#include "cli_options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "bytes.h"

enum { OPTION_BASE = 256 };

struct option_rule {
	const char *name;
	const char *argument; /* NULL: a flag */
	char letter;
	unsigned group;
	size_t offset;
	const char *help;
};

#define AT(field) offsetof(struct cli_options, field)

static const struct option_rule rules[] = {
	{ "module", "PATH", 0, 0, AT(module), "the PKCS#11 module to load" },
	{ "token", "TOKEN", 't', 0, AT(token), "serial number, label or pkcs11: URI" },
	{ "json", NULL, 0, 0, AT(json), "print JSON" },
	{ "help", NULL, 'h', 0, AT(help), "explain the command" },
	{ "pin-file", "FILE", 0, CLI_TAKES_PIN, AT(pin.file), "file with the user PIN" },
	{ "pin-fd", "N", 0, CLI_TAKES_PIN, AT(pin.fd), "descriptor with the user PIN" },
	{ "so-pin-file", "FILE", 0, CLI_TAKES_SO_PIN, AT(so_pin.file), "file with the SO PIN" },
	{ "so-pin-fd", "N", 0, CLI_TAKES_SO_PIN, AT(so_pin.fd), "descriptor with the SO PIN" },
	{ "new-pin-file", "FILE", 0, CLI_TAKES_NEW_PIN, AT(new_pin.file), "file with the new PIN" },
	{ "new-pin-fd", "N", 0, CLI_TAKES_NEW_PIN, AT(new_pin.fd), "descriptor with the new PIN" },
	{ "id", "HEX", 0, CLI_TAKES_ID, AT(id), "CKA_ID, two hex digits a byte" },
	{ "label", "TEXT", 0, CLI_TAKES_LABEL, AT(label), "label of the token or key" },
	{ "type", "TYPE", 0, CLI_TAKES_TYPE, AT(type), "key type, as rsa:4096 or EC:secp384r1" },
	{ "output", "FILE", 'o', CLI_TAKES_OUTPUT, AT(output),
		"where the result goes; - is stdout" },
	{ "der", NULL, 0, CLI_TAKES_DER, AT(der), "write DER in place of PEM" },
	{ "yes", NULL, 'y', CLI_TAKES_YES, AT(yes), "do not ask for confirmation" },
	{ "so", NULL, 0, CLI_TAKES_SO, AT(so), "the SO PIN in place of the user PIN" },
	{ "login", NULL, 'l', CLI_TAKES_LOGIN, AT(login), "log in, to see private objects too" },
	{ "password-file", "FILE", 0, CLI_TAKES_PASSWORD, AT(password.file),
		"file with the password of the key file" },
	{ "password-fd", "N", 0, CLI_TAKES_PASSWORD, AT(password.fd),
		"descriptor with the password of the key file" },
	{ "bridge", "PATH", 0, CLI_TAKES_BRIDGE, AT(bridge), "control socket of the bridge" },
	{ "apply", NULL, 0, CLI_TAKES_MIGRATION, AT(apply), "do it, do not only show it" },
	{ "machine-id", "FILE", 0, CLI_TAKES_MIGRATION, AT(machine_id),
		"copy of the old machine's /var/lib/dbus/machine-id" },
	{ "state-dir", "PATH", 0, CLI_TAKES_MIGRATION, AT(state_dir),
		"where agent and bridge keep what they know" },
	{ "config-dir", "PATH", 0, CLI_TAKES_MIGRATION, AT(config_dir),
		"where the lines for agent.conf are written" },
	{ "policy", "FILE", 0, CLI_TAKES_POLICY, AT(policy),
		"the policy; by default /etc/iothsm/policy.conf" },
	{ "ca", "FILE", 0, CLI_TAKES_POLICY, AT(ca), "certificate of the key that would sign" },
};

static void option_set(struct cli_options *options, const struct option_rule *rule)
{
	char *field = (char *)options + rule->offset;

	options->given |= rule->group;
	if (rule->argument)
		*(const char **)(void *)field = optarg;
	else
		*(bool *)(void *)field = true;
}

static const struct option_rule *option_find(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (code == OPTION_BASE + (int)i || (rules[i].letter && code == rules[i].letter))
			return &rules[i];
	return NULL;
}

int cli_options_parse(struct cli_options *options, int argc, char **argv)
{
	struct option list[ARRAY_LEN(rules) + 1] = { 0 };
	char letters[2 * ARRAY_LEN(rules) + 1] = "";
	int code;

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		list[i].name = rules[i].name;
		list[i].has_arg = rules[i].argument ? required_argument : no_argument;
		list[i].val = OPTION_BASE + (int)i;
		if (rules[i].letter)
			(void)strncat(letters, &rules[i].letter, 1);
		if (rules[i].letter && rules[i].argument)
			(void)strcat(letters, ":");
	}
	optind = 0; /* glibc: start again, also for a second list of words */
	while ((code = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		const struct option_rule *rule = option_find(code);

		if (!rule)
			return -1;
		option_set(options, rule);
	}
	return optind;
}

const char *cli_options_unwanted(const struct cli_options *options, unsigned accepts)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].group & options->given & ~accepts)
			return rules[i].name;
	return NULL;
}

void cli_options_print(FILE *out, unsigned accepts)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct option_rule *rule = &rules[i];
		char letter[8] = "    ";
		char words[40];

		if (accepts ? !(rule->group & accepts) : rule->group != 0)
			continue;
		if (rule->letter)
			(void)snprintf(letter, sizeof(letter), "-%c, ", rule->letter);
		(void)snprintf(words, sizeof(words), "--%s%s%s", rule->name,
			rule->argument ? " " : "", rule->argument ? rule->argument : "");
		(void)fprintf(out, "  %s%-22s %s\n", letter, words, rule->help);
	}
}
