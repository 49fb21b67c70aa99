/* SPDX-License-Identifier: Apache-2.0 */
/* What the bridge says of each CA, rung by rung: for people, and as lines for programs. */
#ifndef IOTHSM_CLI_LADDER_H
#define IOTHSM_CLI_LADDER_H

#include <stdint.h>

#include "cli_output.h"

/* The CAs of the bridge's status; what is no such thing is passed over. Not for JSON. */
void cli_ladder_print(FILE *out, enum cli_output_form form, const json_t *cas, int64_t now_s);

/* Seconds since the epoch as "12 s ago"; "-" for what is no number. Owned. */
json_t *cli_ladder_age(const json_t *time, int64_t now_s);

#endif
