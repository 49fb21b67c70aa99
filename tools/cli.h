/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the command line: what was asked, the module it talks to, and how it ended. */
#ifndef IOTHSM_CLI_H
#define IOTHSM_CLI_H

#include <iothsm/iothsm.h>

#include "cli_options.h"

/* Exit statuses; stable, documented in iothsm(1). */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILURE = 1,
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,
	CLI_ABSENT = 4,
	CLI_PIN = 5,
	CLI_NOT_FOUND = 6,
	CLI_REFUSED = 7,
	CLI_INPUT = 8
};

struct cli {
	const char *command; /* "key prepare" */
	struct cli_options options;
	char **arguments; /* what follows the verb */
	int argument_count;
	void *library;
	CK_FUNCTION_LIST *functions;
	const struct iothsm_admin *admin; /* NULL for a module that is not ours */
	char serial[17];                  /* of the token that is worked on, else empty */
	CK_FLAGS token_flags;             /* of that token, read after a wrong PIN */
	enum cli_exit status;
};

/* One noun and verb; run() reports its own failures through cli_error.h. */
struct cli_command {
	const char *noun;
	const char *verb; /* NULL: the noun alone */
	const char *usage;
	const char *help;
	unsigned accepts; /* CLI_TAKES_*, CLI_OFFLINE */
	int arguments_max;
	CK_RV (*run)(struct cli *cli);
};

CK_RV cmd_status(struct cli *cli);
CK_RV cmd_token_list(struct cli *cli);
CK_RV cmd_token_show(struct cli *cli);
CK_RV cmd_token_init(struct cli *cli);
CK_RV cmd_token_delete(struct cli *cli);
CK_RV cmd_token_rescan(struct cli *cli);
CK_RV cmd_key_list(struct cli *cli);
CK_RV cmd_key_prepare(struct cli *cli);
CK_RV cmd_key_import(struct cli *cli);
CK_RV cmd_ca_self_sign(struct cli *cli);
CK_RV cmd_ca_csr(struct cli *cli);
CK_RV cmd_ca_import_cert(struct cli *cli);
CK_RV cmd_ca_show(struct cli *cli);
CK_RV cmd_ca_list(struct cli *cli);
CK_RV cmd_pin_keep(struct cli *cli);
CK_RV cmd_pin_forget(struct cli *cli);
CK_RV cmd_pin_change(struct cli *cli);
CK_RV cmd_pin_unlock(struct cli *cli);
CK_RV cmd_audit_verify(struct cli *cli);
CK_RV cmd_platform_trust(struct cli *cli);
CK_RV cmd_policy_test(struct cli *cli);
CK_RV cmd_migrate(struct cli *cli);

#endif
