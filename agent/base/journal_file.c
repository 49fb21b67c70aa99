/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a journal: appended to, rotated, never changed. Without a lock: its user has one. */
#include "journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "file.h"
#include "log.h"

#define NAME_FORMAT "%012llu.jsonl"
#define NAME_CHARS  18

struct segment {
	uint64_t first; /* number of its first record, and its name */
	uint64_t base;  /* position of its first byte */
	uint64_t len;
};

/* The last segment is the one that is written to; fd is -1 while there is none. */
struct journal_file {
	char directory[PATH_MAX - 64];
	struct segment segments[JOURNAL_SEGMENTS_MAX];
	size_t count;
	int fd;
	bool untidy; /* behind the last record lies half a line that could not be cut off */
	uint64_t end;
	struct journal_chain chain;
	uint64_t durable;
	struct journal_chain durable_chain;
	uint64_t reserved; /* the first record of the file whose room is taken */
	uint64_t syncing;  /* what the sync under way makes durable */
	struct journal_chain syncing_chain;
};

/* While a segment is read at start. */
struct reading {
	journal_visit *visit;
	void *context;
	uint64_t base;
};

static void write_path(const struct journal_file *file, uint64_t first, char path[PATH_MAX])
{
	(void)snprintf(
		path, PATH_MAX, "%s/" NAME_FORMAT, file->directory, (unsigned long long)first);
}

static struct segment *current(struct journal_file *file)
{
	return &file->segments[file->count - 1];
}

static bool sync_directory(const struct journal_file *file)
{
	CLEANUP(fd) int fd = open(file->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0;
}

static void forget_oldest(struct journal_file *file, size_t count)
{
	file->count -= count;
	memmove(file->segments, file->segments + count, file->count * sizeof(*file->segments));
}

static void add_segment(struct journal_file *file, uint64_t first, uint64_t len)
{
	if (file->count == JOURNAL_SEGMENTS_MAX)
		forget_oldest(file, 1);
	file->segments[file->count++] = (struct segment){ first, file->end, len };
	file->end += len;
}

static bool begin_segment(struct journal_file *file)
{
	char path[PATH_MAX];

	write_path(file, file->chain.number + 1, path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	if (!sync_directory(file)) {
		(void)unlink(path);
		(void)close(fd);
		return false;
	}
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = fd;
	add_segment(file, file->chain.number + 1, 0);
	return true;
}

/* --- reading at start --- */

static void visit_at(void *context, const json_t *record, size_t at, size_t len)
{
	struct reading *reading = context;

	reading->visit(reading->context, record, reading->base + at, len);
}

static bool keep_aside(const char *path, const struct journal_report *report)
{
	char aside[PATH_MAX];
	int len = snprintf(aside, sizeof(aside), "%s.damaged-%lld", path, (long long)time(NULL));

	if (len < 0 || (size_t)len >= sizeof(aside) || rename(path, aside) != 0) {
		log_error("journal: damaged and cannot be kept aside file=%s error=\"%m\"", path);
		return false;
	}
	log_error("journal: damaged, kept aside file=%s kept=%s good_bytes=%zu records=%llu", path,
		aside, report->good_len, (unsigned long long)report->records);
	return true;
}

/* Between two files one that was damaged may be missing; that is said, and no damage of this one.
 */
static bool follows(const struct journal_file *file, const struct journal_report *report)
{
	if (file->chain.number == 0 || report->records == 0)
		return true;
	if (report->first > file->chain.number + 1) {
		log_warn("journal: records are missing between files first=%llu last=%llu",
			(unsigned long long)file->chain.number + 1,
			(unsigned long long)report->first - 1);
		return true;
	}
	return report->first == file->chain.number + 1 &&
	       strcmp(report->before, file->chain.hash) == 0;
}

/* What is salvaged of a damaged file is known, but its answers cannot be read any more. */
static bool settle_segment(struct journal_file *file, uint64_t first, int fd, uint64_t len,
	struct journal_report *report, bool last)
{
	char path[PATH_MAX];

	write_path(file, first, path);
	if (report->state == JOURNAL_TORN && last) {
		log_warn("journal: the last line was torn by a crash and is cut off file=%s "
			 "bytes=%llu",
			path, (unsigned long long)(len - report->good_len));
		if (ftruncate(fd, (off_t)report->good_len) != 0 || fdatasync(fd) != 0) {
			log_error("journal: cannot cut file=%s error=\"%m\"", path);
			return false;
		}
		report->state = JOURNAL_GOOD;
	}
	bool good = report->state == JOURNAL_GOOD && follows(file, report);

	if (!good && !keep_aside(path, report))
		return false;
	if (report->records > 0 && report->last.number > file->chain.number)
		file->chain = report->last;
	if (good)
		add_segment(file, first, report->good_len);
	else
		file->end += len;
	return true;
}

static bool read_segment(
	struct journal_file *file, uint64_t first, struct reading *reading, bool last)
{
	char path[PATH_MAX];
	struct stat status;
	struct journal_report report = { 0 };

	write_path(file, first, path);
	CLEANUP(fd) int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		log_error("journal: cannot read file=%s error=\"%m\"", path);
		return false;
	}
	size_t len = (size_t)status.st_size;
	void *text = len > 0 ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;

	if (text == MAP_FAILED) {
		log_error("journal: cannot map file=%s error=\"%m\"", path);
		return false;
	}
	reading->base = file->end;
	journal_check(bytes_of(text, len), visit_at, reading, &report);
	if (text)
		(void)munmap(text, len);
	if (!settle_segment(file, first, fd, len, &report, last))
		return false;
	if (last && report.state == JOURNAL_GOOD) {
		file->fd = fd;
		fd = -1;
	}
	return true;
}

/* A file of a time that nobody asks for is kept and counted, not read. */
static bool pass_old_segment(struct journal_file *file, uint64_t first, int64_t since_s)
{
	char path[PATH_MAX];
	struct stat status;

	write_path(file, first, path);
	if (stat(path, &status) != 0 || status.st_mtime >= since_s)
		return false;
	add_segment(file, first, (uint64_t)status.st_size);
	return true;
}

static int compare_first(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Of too many the newest. */
static size_t keep_newest(uint64_t *firsts, size_t count, uint64_t first)
{
	size_t oldest = 0;

	if (count < JOURNAL_SEGMENTS_MAX) {
		firsts[count] = first;
		return count + 1;
	}
	for (size_t i = 1; i < count; i++)
		if (firsts[i] < firsts[oldest])
			oldest = i;
	if (firsts[oldest] < first)
		firsts[oldest] = first;
	return count;
}

static size_t list_segments(const char *directory, uint64_t *firsts)
{
	DIR *entries = opendir(directory);
	size_t count = 0;

	for (const struct dirent *entry = entries ? readdir(entries) : NULL; entry;
		entry = readdir(entries)) {
		char *end = NULL;
		unsigned long long first = strtoull(entry->d_name, &end, 10);

		if (strlen(entry->d_name) == NAME_CHARS && end == entry->d_name + 12 &&
			strcmp(end, ".jsonl") == 0)
			count = keep_newest(firsts, count, first);
	}
	if (entries)
		(void)closedir(entries);
	qsort(firsts, count, sizeof(*firsts), compare_first);
	return count;
}

static bool read_segments(struct journal_file *file, int64_t since_s, struct reading *reading)
{
	CLEANUP(free) uint64_t *firsts = calloc(JOURNAL_SEGMENTS_MAX, sizeof(*firsts));
	size_t count = firsts ? list_segments(file->directory, firsts) : 0;

	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count;

		/* The one before the last is always read: the last may be empty. */
		if (i + 2 < count && pass_old_segment(file, firsts[i], since_s))
			continue;
		if (!read_segment(file, firsts[i], reading, last))
			return false;
	}
	file->durable = file->end;
	file->durable_chain = file->chain;
	return firsts != NULL;
}

struct journal_file *journal_file_open(
	const char *directory, int64_t since_s, journal_visit *visit, void *context)
{
	struct journal_file *file = calloc(1, sizeof(*file));
	struct reading reading = { visit, context, 0 };

	if (!file)
		return NULL;
	file->fd = -1;
	int len = snprintf(file->directory, sizeof(file->directory), "%s", directory);

	if (len < 0 || (size_t)len >= sizeof(file->directory) ||
		!file_make_directory(file->directory, 0700)) {
		log_error("journal: cannot use directory=%s error=\"%m\"", directory);
		journal_file_close(file);
		return NULL;
	}
	if (read_segments(file, since_s, &reading))
		return file;
	journal_file_close(file);
	return NULL;
}

void journal_file_close(struct journal_file *file)
{
	if (file && file->fd >= 0)
		(void)close(file->fd);
	free(file);
}

/* --- writing --- */

static void tidy(struct journal_file *file)
{
	struct segment *segment = current(file);

	file->untidy = ftruncate(file->fd, (off_t)segment->len) != 0;
}

static bool write_line(struct journal_file *file, const char *line, size_t len)
{
	if (file->fd < 0 && !begin_segment(file))
		return false;
	if (file->untidy)
		tidy(file);
	if (file->untidy)
		return false;
	ssize_t written = write(file->fd, line, len);

	if (written == (ssize_t)len)
		return true;
	int failure = written < 0 ? errno : ENOSPC;

	tidy(file);
	errno = failure;
	return false;
}

bool journal_file_append(struct journal_file *file, const json_t *fields, uint64_t *at, size_t *len)
{
	struct journal_chain after;
	size_t line_len = 0;
	CLEANUP(free) char *line = journal_record_seal(&file->chain, fields, &after, &line_len);

	if (!line) {
		errno = EMSGSIZE;
		return false;
	}
	if (!write_line(file, line, line_len))
		return false;
	*at = file->end;
	*len = line_len;
	file->end += line_len;
	current(file)->len += line_len;
	file->chain = after;
	return true;
}

uint64_t journal_file_end(const struct journal_file *file)
{
	return file->end;
}

uint64_t journal_file_durable(const struct journal_file *file)
{
	return file->durable;
}

int journal_file_sync_begin(struct journal_file *file)
{
	file->syncing = file->end;
	file->syncing_chain = file->chain;
	return file->fd;
}

bool journal_file_sync(int fd)
{
	return fd < 0 || fdatasync(fd) == 0;
}

void journal_file_sync_finish(struct journal_file *file, bool good)
{
	if (good) {
		file->durable = file->syncing;
		file->durable_chain = file->syncing_chain;
		return;
	}
	if (file->count == 0)
		return;
	/* The kernel may have dropped any of these pages; only what was durable before is sure. */
	current(file)->len -= file->end - file->durable;
	file->end = file->durable;
	file->chain = file->durable_chain;
	tidy(file);
}

static void prune(struct journal_file *file, uint64_t needed_from)
{
	size_t gone = 0;
	char path[PATH_MAX];

	while (gone + 1 < file->count) {
		const struct segment *segment = &file->segments[gone];

		if (segment->base + segment->len > needed_from ||
			file->end - segment->base <= JOURNAL_DISK_MAX)
			break;
		write_path(file, segment->first, path);
		if (unlink(path) != 0) {
			log_warn("journal: cannot delete file=%s error=\"%m\"", path);
			break;
		}
		gone++;
	}
	forget_oldest(file, gone);
}

bool journal_file_is_current(const struct journal_file *file)
{
	char path[PATH_MAX];
	struct stat status;
	uint64_t len = file->count > 0 ? file->segments[file->count - 1].len : 0;

	/* Whoever began another file began it with the next record. */
	write_path(file, file->chain.number + 1, path);
	bool begun = access(path, F_OK) == 0;

	if (file->fd < 0)
		return !begun;
	return fstat(file->fd, &status) == 0 && (uint64_t)status.st_size == len &&
	       (!begun || file->segments[file->count - 1].first == file->chain.number + 1);
}

bool journal_file_reserve(struct journal_file *file)
{
	if (file->fd < 0 || file->reserved == current(file)->first)
		return true;
	/* A file system that cannot do it does without. */
	if (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, 0, JOURNAL_SEGMENT_MAX) != 0 &&
		errno == ENOSPC)
		return false;
	file->reserved = current(file)->first;
	return true;
}

void journal_file_rotate(struct journal_file *file, uint64_t needed_from)
{
	if (file->fd < 0 || file->untidy || current(file)->len < JOURNAL_SEGMENT_MAX ||
		file->durable < file->end)
		return;
	prune(file, needed_from);
	if (!begin_segment(file))
		log_warn("journal: cannot begin a new file, going on with this one"
			 " directory=%s error=\"%m\"",
			file->directory);
}

json_t *journal_file_read(const struct journal_file *file, uint64_t at, size_t len)
{
	const struct segment *segment = file->segments;
	const struct segment *end = segment + file->count;
	char path[PATH_MAX];
	char prev[JOURNAL_HASH_SIZE];
	struct journal_chain self;

	while (segment < end && (at < segment->base || at + len > segment->base + segment->len))
		segment++;
	if (segment == end || len == 0)
		return NULL;
	write_path(file, segment->first, path);
	CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(free) char *line = malloc(len);

	if (fd < 0 || !line || pread(fd, line, len, (off_t)(at - segment->base)) != (ssize_t)len)
		return NULL;
	return journal_record_open(bytes_of(line, len - 1), &self, prev);
}

uint64_t journal_file_records(const struct journal_file *file)
{
	return file->chain.number;
}
