/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a journal: appended to, rotated, never changed. Without a lock: its user has one. */
#ifndef IOTHSM_JOURNAL_FILE_H
#define IOTHSM_JOURNAL_FILE_H

#include "journal_record.h"

enum {
	JOURNAL_SEGMENT_MAX = 4 * 1024 * 1024,
	JOURNAL_DISK_MAX = 256 * 1024 * 1024, /* beyond it, files that nobody needs are deleted */
	JOURNAL_SEGMENTS_MAX = 1024, /* beyond it, the oldest files are kept but not known */
};

struct journal_file;

/*
 * Makes the directory where it is missing and reads what was written to since that time and visits
 * its records; at is then a position in the endless sequence of bytes. A torn last line is cut off,
 * a damaged file is kept aside. NULL on failure, which is logged.
 */
struct journal_file *journal_file_open(
	const char *directory, int64_t since_s, journal_visit *visit, void *context);
void journal_file_close(struct journal_file *file);

/* Appends one record, not yet durable; false with errno set, and then nothing was appended. */
bool journal_file_append(
	struct journal_file *file, const json_t *fields, uint64_t *at, size_t *len);

/* Position behind the last record, and behind the last durable one. */
uint64_t journal_file_end(const struct journal_file *file);
uint64_t journal_file_durable(const struct journal_file *file);

/*
 * fdatasync in three steps, the middle one without the user's lock; one at a time. finish: what
 * was appended before begin is durable when good, else everything that is not durable is gone.
 */
int journal_file_sync_begin(struct journal_file *file);
bool journal_file_sync(int fd);
void journal_file_sync_finish(struct journal_file *file, bool good);

/* Whether nobody else has appended; two processes that share the files hold a lock meanwhile. */
bool journal_file_is_current(const struct journal_file *file);

/* Takes the room for the rest of this file beforehand; false with errno ENOSPC: there is none. */
bool journal_file_reserve(struct journal_file *file);

/* Begins a new file when this one is large and durable; not while a sync is under way. */
void journal_file_rotate(struct journal_file *file, uint64_t needed_from);

/* The record there, owned by the caller; NULL when it is kept no longer. */
json_t *journal_file_read(const struct journal_file *file, uint64_t at, size_t len);

uint64_t journal_file_records(const struct journal_file *file);

#endif
