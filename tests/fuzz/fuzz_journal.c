/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the job journal, as a crash, a disk or a hand may have left them. */
#include <assert.h>
#include <string.h>

#include "journal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t size;
	size_t end;
	uint64_t records;
};

static void visit(void *context, const json_t *record, size_t at, size_t len)
{
	struct seen *seen = context;

	assert(json_is_object(record));
	assert(at >= seen->end && len > 0 && len <= seen->size - at);
	seen->end = at + len;
	seen->records++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_report report;
	struct seen seen = { .size = size };

	journal_check(bytes_of(data, size), visit, &seen, &report);
	assert(report.records == seen.records && report.good_len <= size);
	assert(report.state != JOURNAL_GOOD || report.good_len == size);
	assert(report.records == 0 || strlen(report.last.hash) == JOURNAL_HASH_SIZE - 1);
	return 0;
}
