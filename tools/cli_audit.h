/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the files of a record or journal: each line, and that nothing is missing between them. */
#ifndef IOTHSM_CLI_AUDIT_H
#define IOTHSM_CLI_AUDIT_H

#include <limits.h>

#include "journal_record.h"

enum { CLI_AUDIT_FILES_MAX = 65536, CLI_AUDIT_DEPTH_MAX = 3, CLI_AUDIT_REASON_MAX = 128 };

/* One chain: the files of a directory, or a single one. */
struct cli_audit {
	char path[PATH_MAX];
	size_t files;
	uint64_t records;
	uint64_t first; /* number of the first record; 0: there is none */
	struct journal_chain last;
	char fault_file[PATH_MAX]; /* empty: the chain is whole */
	size_t fault_line;
	char reason[CLI_AUDIT_REASON_MAX];
};

typedef void cli_audit_visit(void *context, const struct cli_audit *audit);

/*
 * Visits each chain of a file, a directory, or directories within it. False when something cannot
 * be read, with errno, or (errno 0) there is none.
 */
bool cli_audit_check(const char *path, cli_audit_visit *visit, void *context);

#endif
