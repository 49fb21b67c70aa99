/* SPDX-License-Identifier: Apache-2.0 */
/* The durable record of a token's private-key operations: threads that wait are written for
 * together. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "journal_file.h"
#include "log.h"

/* A thread that waits; on its stack. */
struct entry {
	struct entry *next;
	const json_t *fields;
	bool appended, durable; /* the writer's, until done */
	bool done;              /* guarded by the lock */
};

struct recorder {
	char directory[PATH_MAX - 64];
	recorder_alarm *alarm;
	void *context;
	pthread_mutex_t lock; /* guards first, last, writing */
	pthread_cond_t written;
	struct entry *first, **last; /* queued */
	bool writing;                /* by one thread, which owns what follows */
	int turn;                    /* locked while writing: a second token host may do so too */
	struct journal_file *file;
	char reason[RECORDER_REASON_MAX]; /* of the alarm; empty: none */
};

struct recorder *recorder_new(const char *directory, recorder_alarm *alarm, void *context)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder || strlen(directory) >= sizeof(recorder->directory)) {
		free(recorder);
		return NULL;
	}
	(void)strcpy(recorder->directory, directory);
	recorder->alarm = alarm;
	recorder->context = context;
	recorder->last = &recorder->first;
	recorder->turn = -1;
	(void)pthread_mutex_init(&recorder->lock, NULL);
	(void)pthread_cond_init(&recorder->written, NULL);
	return recorder;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	journal_file_close(recorder->file);
	if (recorder->turn >= 0)
		(void)close(recorder->turn);
	(void)pthread_cond_destroy(&recorder->written);
	(void)pthread_mutex_destroy(&recorder->lock);
	free(recorder);
}

/* --- alarms --- */

/* Said when it changes, so that no client can fill the log with it. */
static void set_reason(struct recorder *recorder, const char *reason)
{
	if (strcmp(reason, recorder->reason) == 0)
		return;
	(void)snprintf(recorder->reason, sizeof(recorder->reason), "%s", reason);
	if (reason[0])
		log_error("record: %s directory=%s", reason, recorder->directory);
	else
		log_info("record: all is well again directory=%s", recorder->directory);
	recorder->alarm(recorder->context, reason);
}

static void set_failure(struct recorder *recorder, int failure)
{
	char reason[RECORDER_REASON_MAX];

	(void)snprintf(reason, sizeof(reason),
		"operations cannot be recorded and are refused, make room or repair the disk: %s",
		strerror(failure));
	set_reason(recorder, reason);
}

/* The file in use has its room already; an alarm comes before the next one lacks it. */
static void check_room(struct recorder *recorder)
{
	struct statvfs room;
	bool reserved = journal_file_reserve(recorder->file);
	bool low = statvfs(recorder->directory, &room) == 0 &&
		   room.f_bavail < ((uint64_t)RECORDER_LOW_MIB << 20) / room.f_frsize;
	char reason[RECORDER_REASON_MAX] = "";

	if (low || !reserved)
		(void)snprintf(reason, sizeof(reason),
			"the disk is nearly full (less than %d MiB), soon operations will be "
			"refused: make room",
			RECORDER_LOW_MIB);
	set_reason(recorder, reason);
}

/* --- one thread writes for all --- */

static void pass_over(void *context, const json_t *record, size_t at, size_t len)
{
	(void)context;
	(void)record;
	(void)at;
	(void)len;
}

static bool take_turn(struct recorder *recorder)
{
	char path[PATH_MAX];

	if (recorder->turn < 0) {
		if (!file_make_directory(recorder->directory, 0700))
			return false;
		(void)snprintf(path, sizeof(path), "%s/lock", recorder->directory);
		recorder->turn = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	while (recorder->turn >= 0 && flock(recorder->turn, LOCK_EX) != 0)
		if (errno != EINTR)
			return false;
	return recorder->turn >= 0;
}

/* Old files need not be read: only where the chain ends. */
static bool open_file(struct recorder *recorder)
{
	if (recorder->file && journal_file_is_current(recorder->file))
		return true;
	journal_file_close(recorder->file);
	errno = 0;
	recorder->file = journal_file_open(recorder->directory, INT64_MAX, pass_over, NULL);
	if (!recorder->file && errno == 0)
		errno = EIO;
	return recorder->file != NULL;
}

static void append(struct recorder *recorder, struct entry *entry)
{
	uint64_t at = 0;
	size_t len = 0;

	entry->appended = journal_file_append(recorder->file, entry->fields, &at, &len);
	if (!entry->appended)
		set_failure(recorder, errno);
}

/* False with errno set: none of them is durable. */
static bool write_in_turn(struct recorder *recorder, struct entry *list)
{
	bool complete = true;

	if (!open_file(recorder))
		return false;
	for (struct entry *entry = list; entry; entry = entry->next) {
		append(recorder, entry);
		complete = complete && entry->appended;
	}
	bool good = journal_file_sync(journal_file_sync_begin(recorder->file));
	int failure = errno;

	journal_file_sync_finish(recorder->file, good);
	for (struct entry *entry = list; entry; entry = entry->next)
		entry->durable = good && entry->appended;
	if (good)
		journal_file_rotate(recorder->file, 0); /* nothing of it is ever deleted */
	if (good && complete)
		check_room(recorder);
	errno = failure;
	return good;
}

static void write_list(struct recorder *recorder, struct entry *list)
{
	bool turn = take_turn(recorder);

	if (!turn || !write_in_turn(recorder, list))
		set_failure(recorder, errno);
	if (turn)
		(void)flock(recorder->turn, LOCK_UN);
}

static void lead_locked(struct recorder *recorder)
{
	struct entry *list = recorder->first;

	recorder->first = NULL;
	recorder->last = &recorder->first;
	recorder->writing = true;
	(void)pthread_mutex_unlock(&recorder->lock);
	write_list(recorder, list);
	(void)pthread_mutex_lock(&recorder->lock);
	recorder->writing = false;
	/* An entry lies on its thread's stack, so it is not touched when it is done. */
	for (struct entry *entry = list, *next; entry; entry = next) {
		next = entry->next;
		entry->done = true;
	}
	(void)pthread_cond_broadcast(&recorder->written);
}

bool recorder_write(struct recorder *recorder, const json_t *fields)
{
	struct entry own = { .fields = fields };

	(void)pthread_mutex_lock(&recorder->lock);
	*recorder->last = &own;
	recorder->last = &own.next;
	while (!own.done) {
		if (recorder->writing)
			(void)pthread_cond_wait(&recorder->written, &recorder->lock);
		else
			lead_locked(recorder);
	}
	(void)pthread_mutex_unlock(&recorder->lock);
	return own.durable;
}
