/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a journal: a JSON object that names the SHA-256 of the line before it. */
#ifndef IOTHSM_JOURNAL_RECORD_H
#define IOTHSM_JOURNAL_RECORD_H

#include <jansson.h>

#include "bytes.h"

enum { JOURNAL_HASH_SIZE = 65, JOURNAL_LINE_MAX = 1024 * 1024 };

/* The last record so far; all zero: there is none. */
struct journal_chain {
	uint64_t number;
	char hash[JOURNAL_HASH_SIZE];
};

/*
 * The line, with its LF, of the fields (a non-empty object) as the record that follows `before`;
 * freed by the caller, NULL when out of memory or too long. *after may be the same as before.
 */
char *journal_record_seal(const struct journal_chain *before, const json_t *fields,
	struct journal_chain *after, size_t *len);

/*
 * The record of a line without its LF, owned by the caller; NULL unless it is whole. prev is the
 * hash that it names as that of its predecessor.
 */
json_t *journal_record_open(
	struct bytes line, struct journal_chain *self, char prev[JOURNAL_HASH_SIZE]);

enum journal_state {
	JOURNAL_GOOD,
	JOURNAL_TORN,    /* good, but for the last line, which has no end */
	JOURNAL_DAMAGED, /* a record is changed, missing or out of place */
};

struct journal_report {
	enum journal_state state;
	uint64_t records;               /* whole ones */
	uint64_t first;                 /* number of the first */
	char before[JOURNAL_HASH_SIZE]; /* what the first names as its predecessor's hash */
	struct journal_chain last;
	size_t good_len;   /* bytes up to the first fault */
	size_t fault_line; /* 1 is the first; 0: there is no fault */
	const char *fault; /* what is wrong with it; NULL: nothing */
};

/* at, len: where the line with its LF lies in the text. */
typedef void journal_visit(void *context, const json_t *record, size_t at, size_t len);

/*
 * Checks the chain over the text of one file and visits each whole record, also those behind a
 * fault. Where a file goes on from another one, `first` and `before` must fit that one's last.
 */
void journal_check(
	struct bytes text, journal_visit *visit, void *context, struct journal_report *report);

#endif
