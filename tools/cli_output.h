/* SPDX-License-Identifier: Apache-2.0 */
/* Results as JSON, as an aligned table on a terminal, or separated by tabs for another program. */
#ifndef IOTHSM_CLI_OUTPUT_H
#define IOTHSM_CLI_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "bytes.h"

enum cli_output_form { CLI_OUTPUT_TABLE, CLI_OUTPUT_TABS, CLI_OUTPUT_JSON };

struct cli_column {
	const char *key;
	const char *title;
};

/* JSON when wanted, else by what the stream is. */
enum cli_output_form cli_output_form(FILE *out, bool json);

/* An array of objects, one line each; only the table has a heading. */
void cli_output_rows(FILE *out, enum cli_output_form form, const struct cli_column *columns,
	size_t count, const json_t *rows);

/* One object, one line a field; fields that it lacks are left out. */
void cli_output_record(FILE *out, enum cli_output_form form, const struct cli_column *columns,
	size_t count, const json_t *record);

/* An object of unknown shape: scalars as fields, arrays of objects as tables. */
void cli_output_tree(FILE *out, enum cli_output_form form, const json_t *tree);

/* Text from outside as a JSON string: what is no UTF-8 becomes '?'. NULL when out of memory. */
json_t *cli_output_text(struct bytes text);
json_t *cli_output_hex(struct bytes data);

#endif
