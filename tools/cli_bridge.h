/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the bridge over its control socket: one JSON object a line, each way. */
#ifndef IOTHSM_CLI_BRIDGE_H
#define IOTHSM_CLI_BRIDGE_H

#include <jansson.h>

#include "cli.h"

#define CLI_BRIDGE_SOCKET "/run/iothsm-bridge/control.sock"

/* --bridge, else the default path. */
const char *cli_bridge_path(const struct cli *cli);

/* Asks {"op":op}; NULL with errno set when no bridge answers within five seconds, EPROTO for no
 * JSON object. */
json_t *cli_bridge_ask(const char *path, const char *op);

#endif
