/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm audit: verify. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "cli_audit.h"
#include "cli_error.h"
#include "cli_output.h"

static const struct cli_column columns[] = {
	{ "path", "PATH" },
	{ "state", "STATE" },
	{ "files", "FILES" },
	{ "records", "RECORDS" },
	{ "first", "FIRST" },
	{ "last", "LAST" },
	{ "hash", "HASH OF THE LAST" },
};

struct verification {
	struct cli *cli;
	json_t *rows;
	bool broken;
};

static void add_fault(json_t *row, const struct cli_audit *audit)
{
	(void)json_object_set_new(row, "file", cli_output_text(bytes_of_text(audit->fault_file)));
	(void)json_object_set_new(row, "line", json_integer((json_int_t)audit->fault_line));
	(void)json_object_set_new(row, "reason", json_string(audit->reason));
}

static void say(struct verification *verification, const struct cli_audit *audit)
{
	if (audit->fault_file[0]) {
		verification->broken = true;
		(void)cli_refuse(verification->cli, CLI_FAILURE,
			"%s:%zu: %s; keep the files as they are and compare them with a copy",
			audit->fault_file, audit->fault_line, audit->reason);
	} else if (audit->first > 1) {
		cli_note(verification->cli,
			"%s begins with record %llu: what is older was taken away", audit->path,
			(unsigned long long)audit->first);
	}
}

static void take(void *context, const struct cli_audit *audit)
{
	struct verification *verification = context;
	bool broken = audit->fault_file[0] != '\0';
	json_t *row = json_pack("{s:o s:s s:I s:I s:I s:I s:s}", "path",
		cli_output_text(bytes_of_text(audit->path)), "state", broken ? "broken" : "good",
		"files", (json_int_t)audit->files, "records", (json_int_t)audit->records, "first",
		(json_int_t)audit->first, "last", (json_int_t)audit->last.number, "hash",
		audit->last.hash);

	if (row && broken)
		add_fault(row, audit);
	(void)json_array_append_new(verification->rows, row);
	say(verification, audit);
}

static CK_RV verify(struct verification *verification, const char *path)
{
	if (cli_audit_check(path, take, verification))
		return CKR_OK;
	if (errno == 0)
		return cli_refuse(verification->cli, CLI_INPUT,
			"client: there is no record and no journal in %s", path);
	return cli_refuse(verification->cli, CLI_INPUT, "client: %s cannot be read: %s", path,
		strerror(errno));
}

CK_RV cmd_audit_verify(struct cli *cli)
{
	CLEANUP(json) json_t *rows = json_array();
	struct verification verification = { .cli = cli, .rows = rows };
	CK_RV rv = CKR_OK;

	if (cli->argument_count == 0)
		return cli_refuse(cli, CLI_USAGE,
			"client: which record? name a file or a directory, as "
			"/var/lib/iothsm/agent/audit");
	for (int i = 0; rv == CKR_OK && i < cli->argument_count; i++)
		rv = verify(&verification, cli->arguments[i]);
	cli_output_rows(stdout, cli_output_form(stdout, cli->options.json), columns,
		ARRAY_LEN(columns), rows);
	TRY(rv);
	return verification.broken ? CKR_FUNCTION_FAILED : CKR_OK;
}
