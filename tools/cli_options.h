/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the command line: one table, filled into one structure. */
#ifndef IOTHSM_CLI_OPTIONS_H
#define IOTHSM_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

/* Groups of options; a command says which it takes, the global ones have no group. */
enum {
	CLI_TAKES_PIN = 1 << 0,
	CLI_TAKES_SO_PIN = 1 << 1,
	CLI_TAKES_NEW_PIN = 1 << 2,
	CLI_TAKES_ID = 1 << 3,
	CLI_TAKES_LABEL = 1 << 4,
	CLI_TAKES_TYPE = 1 << 5,
	CLI_TAKES_OUTPUT = 1 << 6,
	CLI_TAKES_YES = 1 << 7,
	CLI_TAKES_SO = 1 << 8,
	CLI_TAKES_LOGIN = 1 << 9,
	CLI_TAKES_PASSWORD = 1 << 10,
	CLI_TAKES_BRIDGE = 1 << 11,
	CLI_TAKES_DER = 1 << 16,
	CLI_TAKES_MIGRATION = 1 << 17,
	CLI_TAKES_POLICY = 1 << 18,
	CLI_OFFLINE = 1 << 24 /* no option: the command needs neither module nor agent */
};

/* Where a secret comes from; neither set: asked on the terminal. */
struct cli_secret_source {
	const char *file;
	const char *fd;
};

struct cli_options {
	const char *module;
	const char *token;
	const char *id;
	const char *label;
	const char *type;
	const char *output;
	const char *bridge;
	const char *machine_id;
	const char *config_dir;
	const char *state_dir;
	const char *policy;
	const char *ca;
	struct cli_secret_source pin;
	struct cli_secret_source so_pin;
	struct cli_secret_source new_pin;
	struct cli_secret_source password;
	bool json;
	bool der;
	bool yes;
	bool so;
	bool login;
	bool apply;
	bool help;
	unsigned given; /* CLI_TAKES_* of every option seen */
};

/* Moves the other words behind the options; the index of the first is returned, -1 after an error
 * was said. */
int cli_options_parse(struct cli_options *options, int argc, char **argv);

/* The first option given that a command does not take; NULL when there is none. */
const char *cli_options_unwanted(const struct cli_options *options, unsigned accepts);

/* One line for each option of the groups, and the global ones when accepts is 0. */
void cli_options_print(FILE *out, unsigned accepts);

#endif
