/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the PKCS#11 module and its administration interface. */
#ifndef IOTHSM_CLI_MODULE_H
#define IOTHSM_CLI_MODULE_H

#include "cli.h"

/* --module, IOTHSM_MODULE, the one of the build tree we run from, else the installed one. */
const char *cli_module_path(const struct cli *cli);

/* Loads it and calls C_Initialize; cli->functions and, where there is one, cli->admin are set. */
CK_RV cli_module_open(struct cli *cli);
void cli_module_close(struct cli *cli);

/* CKR_OK when the administration interface is there, else says so. */
CK_RV cli_module_need_admin(struct cli *cli);

/* Says it and returns CKR_DEVICE_ERROR when the agent does not answer; CKR_OK for modules without
 * an agent. */
CK_RV cli_module_check_agent(struct cli *cli);

/* The agent's state as text with NUL, freed by the caller. */
CK_RV cli_module_agent_status(struct cli *cli, char **json);

#endif
