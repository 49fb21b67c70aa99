/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a journal: a JSON object that names the SHA-256 of the line before it. */
#include "journal_record.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"

/* A line ends with ,"hash":"<64 digits>"}; the hash is over everything before that. */
#define HASH_BEGIN ",\"hash\":\""
#define HASH_END   "\"}"
#define NO_HASH    "0000000000000000000000000000000000000000000000000000000000000000"

enum {
	HASH_LEN = JOURNAL_HASH_SIZE - 1,
	TAIL_LEN = sizeof(HASH_BEGIN) - 1 + HASH_LEN + sizeof(HASH_END) - 1,
};

static bool hash_hex(struct bytes data, char out[JOURNAL_HASH_SIZE])
{
	uint8_t digest[HASH_LEN / 2];

	if (EVP_Digest(data.data, data.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	text_hex(out, bytes_of(digest, sizeof(digest)));
	return true;
}

char *journal_record_seal(const struct journal_chain *before, const json_t *fields,
	struct journal_chain *after, size_t *len)
{
	CLEANUP(free) char *body = json_print(fields);
	struct journal_chain self = { .number = before->number + 1 };
	char *line = NULL;

	if (!body)
		return NULL;
	int head_len =
		asprintf(&line, "{\"n\":%llu,%.*s,\"prev\":\"%s\"" HASH_BEGIN NO_HASH HASH_END "\n",
			(unsigned long long)self.number, (int)strlen(body) - 2, body + 1,
			before->hash[0] ? before->hash : NO_HASH);

	if (head_len < 0)
		return NULL;
	size_t hashed = (size_t)head_len - 1 - TAIL_LEN;

	if (head_len > JOURNAL_LINE_MAX || !hash_hex(bytes_of(line, hashed), self.hash)) {
		free(line);
		return NULL;
	}
	memcpy(line + hashed + sizeof(HASH_BEGIN) - 1, self.hash, HASH_LEN);
	*after = self;
	*len = (size_t)head_len;
	return line;
}

static bool has_own_hash(struct bytes line, char hash[JOURNAL_HASH_SIZE])
{
	if (line.len <= TAIL_LEN || line.len >= JOURNAL_LINE_MAX ||
		!hash_hex(bytes_of(line.data, line.len - TAIL_LEN), hash))
		return false;
	const uint8_t *tail = line.data + line.len - TAIL_LEN;
	const uint8_t *digits = tail + sizeof(HASH_BEGIN) - 1;

	return memcmp(tail, HASH_BEGIN, sizeof(HASH_BEGIN) - 1) == 0 &&
	       memcmp(digits, hash, HASH_LEN) == 0 &&
	       memcmp(digits + HASH_LEN, HASH_END, sizeof(HASH_END) - 1) == 0;
}

json_t *journal_record_open(
	struct bytes line, struct journal_chain *self, char prev[JOURNAL_HASH_SIZE])
{
	struct journal_chain found = { 0 };

	if (!has_own_hash(line, found.hash))
		return NULL;
	CLEANUP(json) json_t *record = json_parse(line);
	json_int_t number = json_integer_value(json_object_get(record, "n"));
	const char *before = json_text(record, "prev");

	if (number <= 0 || !before || strlen(before) != HASH_LEN)
		return NULL;
	found.number = (uint64_t)number;
	*self = found;
	(void)strcpy(prev, before);
	return steal(&record);
}

static const char *fault_of(
	const struct journal_chain *self, const char *prev, const struct journal_report *report)
{
	if (report->records == 0)
		return NULL;
	if (self->number > report->last.number + 1)
		return "records are missing before it";
	if (self->number <= report->last.number)
		return "the record is out of place";
	return strcmp(prev, report->last.hash) == 0 ? NULL : "it does not follow the record before";
}

/* NULL, or what is wrong. */
static const char *take_line(struct bytes line, size_t at, journal_visit *visit, void *context,
	struct journal_report *report)
{
	struct journal_chain self;
	char prev[JOURNAL_HASH_SIZE];
	CLEANUP(json) json_t *record = journal_record_open(line, &self, prev);

	if (!record)
		return "the line is changed, or is no record";
	const char *fault = fault_of(&self, prev, report);

	if (report->records == 0) {
		report->first = self.number;
		(void)strcpy(report->before, prev);
	}
	report->records++;
	report->last = self;
	visit(context, record, at, line.len + 1);
	return fault;
}

/* Only the first fault counts. */
static void note_fault(
	struct journal_report *report, enum journal_state state, size_t line, const char *fault)
{
	if (report->state != JOURNAL_GOOD)
		return;
	report->state = state;
	report->fault_line = line;
	report->fault = fault;
}

void journal_check(
	struct bytes text, journal_visit *visit, void *context, struct journal_report *report)
{
	size_t at = 0;

	*report = (struct journal_report){ .state = JOURNAL_GOOD };
	for (size_t number = 1; at < text.len; number++) {
		const uint8_t *line = text.data + at;
		const uint8_t *end = memchr(line, '\n', text.len - at);

		if (!end) {
			note_fault(report, JOURNAL_TORN, number, "the line has no end");
			return;
		}
		const char *fault =
			take_line(bytes_of(line, (size_t)(end - line)), at, visit, context, report);

		if (fault)
			note_fault(report, JOURNAL_DAMAGED, number, fault);
		at = (size_t)(end - text.data) + 1;
		if (report->state == JOURNAL_GOOD)
			report->good_len = at;
	}
}
