/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the files of a record or journal: each line, and that nothing is missing between them. */
#include "cli_audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cleanup.h"

/* 000000000001.jsonl, or one that was put aside as damaged: 000000000001.jsonl.damaged-<time>. */
#define NAME_DIGITS  12
#define NAME_SUFFIX  ".jsonl"
#define NAME_DAMAGED ".damaged-"

enum { TORN_TRIES = 3 };

struct names {
	char **list;
	size_t count;
};

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
}

static bool name_is_file(const char *name)
{
	const char *rest = name + NAME_DIGITS;
	size_t suffix = strlen(NAME_SUFFIX);

	if (strspn(name, "0123456789") != NAME_DIGITS || strncmp(rest, NAME_SUFFIX, suffix) != 0)
		return false;
	rest += suffix;
	return *rest == '\0' || strncmp(rest, NAME_DAMAGED, strlen(NAME_DAMAGED)) == 0;
}

/* Later by number; of one number the damaged one came first. */
static int compare_names(const void *a, const void *b)
{
	const char *left = *(char *const *)a;
	const char *right = *(char *const *)b;
	int numbers = strncmp(left, right, NAME_DIGITS);

	return numbers != 0 ? numbers : strcmp(right, left);
}

static bool add_name(struct names *names, const char *name)
{
	char **list = names->count < CLI_AUDIT_FILES_MAX
			      ? realloc(names->list, (names->count + 1) * sizeof(*list))
			      : NULL;

	if (!list)
		return false;
	names->list = list;
	list[names->count] = strdup(name);
	names->count += list[names->count] != NULL;
	return list[names->count - 1] != NULL;
}

/* The names in a directory that are (or are not) those of our files, in order. */
static bool list_names(const char *path, bool files, struct names *names)
{
	DIR *directory = opendir(path);
	bool added = true;

	if (!directory)
		return false;
	for (const struct dirent *entry = readdir(directory); added && entry;
		entry = readdir(directory))
		if (entry->d_name[0] != '.' && name_is_file(entry->d_name) == files)
			added = add_name(names, entry->d_name);
	(void)closedir(directory);
	if (names->count > 0)
		qsort(names->list, names->count, sizeof(*names->list), compare_names);
	return added;
}

static void note(struct cli_audit *audit, const char *file, size_t line, const char *reason)
{
	if (audit->fault_file[0])
		return;
	(void)snprintf(audit->fault_file, sizeof(audit->fault_file), "%s", file);
	(void)snprintf(audit->reason, sizeof(audit->reason), "%s", reason);
	audit->fault_line = line;
}

/* How a file begins, after the one before it. */
static void check_begin(
	struct cli_audit *audit, const char *file, const struct journal_report *report)
{
	bool begins = strspn(report->before, "0") == strlen(report->before);
	const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	unsigned long long named = name_is_file(name) ? strtoull(name, NULL, 10) : report->first;

	if (named != report->first)
		note(audit, file, 1, "it is not the record that the name of the file says");
	else if (audit->last.number == 0 && (report->first == 1) != begins)
		note(audit, file, 1, "it does not begin the chain");
	else if (audit->last.number > 0 && report->first > audit->last.number + 1)
		note(audit, file, 1, "records are missing before it");
	else if (audit->last.number > 0 && report->first <= audit->last.number)
		note(audit, file, 1, "the record is out of place");
	else if (audit->last.number > 0 && strcmp(report->before, audit->last.hash) != 0)
		note(audit, file, 1, "it does not follow the record before");
}

static void take_report(
	struct cli_audit *audit, const char *file, const struct journal_report *report)
{
	audit->files++;
	/* Of a file whose first line is the faulty one the beginning is not known. */
	if (report->records > 0 && report->fault_line != 1)
		check_begin(audit, file, report);
	if (report->state != JOURNAL_GOOD)
		note(audit, file, report->fault_line, report->fault);
	if (report->records == 0)
		return;
	if (audit->first == 0)
		audit->first = report->first;
	audit->records += report->records;
	audit->last = report->last;
}

static void pass_over(void *context, const json_t *record, size_t at, size_t len)
{
	(void)context;
	(void)record;
	(void)at;
	(void)len;
}

static bool read_file(const char *path, struct journal_report *report)
{
	CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return false;
	size_t len = (size_t)status.st_size;
	void *text = len > 0 ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;

	if (text == MAP_FAILED)
		return false;
	journal_check(bytes_of(text, len), pass_over, NULL, report);
	if (text)
		(void)munmap(text, len);
	return true;
}

/* A line that is being written at this moment has an end a moment later. */
static bool check_file(struct cli_audit *audit, const char *path)
{
	struct journal_report report = { .state = JOURNAL_TORN };

	for (int i = 0; i < TORN_TRIES && report.state == JOURNAL_TORN; i++)
		if (!read_file(path, &report))
			return false;
	take_report(audit, path, &report);
	return true;
}

static bool join(char path[PATH_MAX], const char *directory, const char *name)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", directory, name);

	errno = ENAMETOOLONG;
	return len >= 0 && len < PATH_MAX;
}

static bool check_files(
	const char *directory, const struct names *names, cli_audit_visit *visit, void *context)
{
	CLEANUP(free) struct cli_audit *audit = calloc(1, sizeof(*audit));
	char path[PATH_MAX];

	if (!audit)
		return false;
	(void)snprintf(audit->path, sizeof(audit->path), "%s", directory);
	for (size_t i = 0; i < names->count; i++)
		if (!join(path, directory, names->list[i]) || !check_file(audit, path))
			return false;
	visit(context, audit);
	return true;
}

struct walk {
	cli_audit_visit *visit;
	void *context;
	size_t found;
};

static bool is_directory(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool walk(struct walk *walker, const char *directory, int depth)
{
	struct names files = { 0 };
	struct names others = { 0 };
	char path[PATH_MAX];
	bool read = list_names(directory, true, &files) && list_names(directory, false, &others);

	if (read && files.count > 0) {
		read = check_files(directory, &files, walker->visit, walker->context);
		walker->found++;
	}
	for (size_t i = 0; read && depth < CLI_AUDIT_DEPTH_MAX && i < others.count; i++)
		if (join(path, directory, others.list[i]) && is_directory(path))
			read = walk(walker, path, depth + 1);
	names_free(&files);
	names_free(&others);
	return read;
}

static bool check_single(const char *path, cli_audit_visit *visit, void *context)
{
	CLEANUP(free) struct cli_audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return false;
	(void)snprintf(audit->path, sizeof(audit->path), "%s", path);
	if (!check_file(audit, path))
		return false;
	visit(context, audit);
	return true;
}

bool cli_audit_check(const char *path, cli_audit_visit *visit, void *context)
{
	struct walk walker = { visit, context, 0 };
	struct stat status;

	if (stat(path, &status) != 0)
		return false;
	if (!S_ISDIR(status.st_mode))
		return check_single(path, visit, context);
	if (!walk(&walker, path, 0))
		return false;
	errno = 0;
	return walker.found > 0;
}
