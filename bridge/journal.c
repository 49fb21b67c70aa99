/* SPDX-License-Identifier: Apache-2.0 */
/* The durable record of the platform's jobs, by which no job is executed twice, whatever crashes.
 */
#include "journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "cleanup.h"
#include "journal_file.h"
#include "json.h"
#include "log.h"
#include "text.h"

/* Half a SHA-256 tells requests apart well enough, and twenty thousand entries stay small. */
enum { BUCKETS = 8192, HASH_LEN = 16, DIGEST_LEN = 32, NOWHERE = UINT32_MAX, FAULT_MAX = 200 };

enum entry_state { ENTRY_FREE, ENTRY_ACCEPTED, ENTRY_ANSWERED, ENTRY_INTERRUPTED };

/* Twenty thousand of them: fields are as small as they may be. */
struct entry {
	uint8_t key[HASH_LEN];
	uint8_t body[HASH_LEN];
	uint64_t accepted_at; /* where its records lie */
	uint64_t answered_at;
	uint32_t accepted_len;
	uint32_t answered_len;
	uint32_t seen_s; /* since 1970, which lasts until 2106 */
	uint32_t lap;    /* of the ring: tells its ticket from those before and after */
	uint32_t next;   /* in the same bucket */
	uint8_t state;   /* enum entry_state */
	bool unsent;     /* of before the start, and the platform did not get the answer */
};

/* Entries form a ring in order of arrival; its memory is taken at the start, not with the jobs. */
struct journal {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t synced;
	bool syncing;
	struct journal_file *file;
	uint32_t buckets[BUCKETS];
	struct entry *entries;
	uint64_t count;        /* entries ever made; ticket n lies at n % JOURNAL_JOBS_MAX */
	size_t unsent;         /* entries of which unsent is true */
	char fault[FAULT_MAX]; /* why nothing can be recorded, or empty */
	int64_t now_s;         /* of the start, for reading */
};

/* --- the index --- */

static bool hash(struct bytes data, uint8_t out[DIGEST_LEN])
{
	return EVP_Digest(data.data, data.len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool hash_key(const char *thumbprint, const char *siguuid, uint8_t out[DIGEST_LEN])
{
	char key[1024];
	int len = snprintf(key, sizeof(key), "%s %s", thumbprint, siguuid);

	return len > 0 && (size_t)len < sizeof(key) && hash(bytes_of_text(key), out);
}

static uint32_t *bucket_of(struct journal *journal, const uint8_t key[HASH_LEN])
{
	return &journal->buckets[(((uint32_t)key[0] << 8) | key[1]) % BUCKETS];
}

static uint64_t ticket_of(const struct journal *journal, const struct entry *entry)
{
	return (uint64_t)entry->lap * JOURNAL_JOBS_MAX + (uint64_t)(entry - journal->entries);
}

static void unlink_entry_locked(struct journal *journal, struct entry *entry)
{
	uint32_t index = (uint32_t)(entry - journal->entries);

	if (entry->state == ENTRY_FREE)
		return;
	uint32_t *link = bucket_of(journal, entry->key);

	while (*link != index)
		link = &journal->entries[*link].next;
	*link = entry->next;
	entry->state = ENTRY_FREE;
}

static struct entry *find_locked(
	struct journal *journal, const uint8_t key[HASH_LEN], int64_t now_s)
{
	uint32_t index = *bucket_of(journal, key);

	while (index != NOWHERE && memcmp(journal->entries[index].key, key, HASH_LEN) != 0)
		index = journal->entries[index].next;
	if (index == NOWHERE)
		return NULL;
	if (now_s - journal->entries[index].seen_s < JOURNAL_LIFE_SECONDS)
		return &journal->entries[index];
	unlink_entry_locked(journal, &journal->entries[index]);
	return NULL;
}

/* The caller completes it. */
static struct entry *add_locked(struct journal *journal, const uint8_t key[HASH_LEN],
	const uint8_t body[HASH_LEN], int64_t now_s)
{
	uint64_t ticket = journal->count++;
	uint32_t index = (uint32_t)(ticket % JOURNAL_JOBS_MAX);
	struct entry *entry = &journal->entries[index];

	unlink_entry_locked(journal, entry);
	uint32_t *bucket = bucket_of(journal, key);

	*entry = (struct entry){ .seen_s = (uint32_t)now_s,
		.lap = (uint32_t)(ticket / JOURNAL_JOBS_MAX),
		.next = *bucket,
		.state = ENTRY_ACCEPTED };
	memcpy(entry->key, key, HASH_LEN);
	memcpy(entry->body, body, HASH_LEN);
	*bucket = index;
	return entry;
}

/* NULL when newer requests have taken the place meanwhile, or it was forgotten. */
static struct entry *entry_of_locked(struct journal *journal, uint64_t ticket)
{
	struct entry *entry = &journal->entries[ticket % JOURNAL_JOBS_MAX];

	return entry->state != ENTRY_FREE && ticket_of(journal, entry) == ticket ? entry : NULL;
}

/* From where on the files are needed for answers. */
static uint64_t needed_from_locked(const struct journal *journal, int64_t now_s)
{
	uint64_t ticket = journal->count > JOURNAL_JOBS_MAX ? journal->count - JOURNAL_JOBS_MAX : 0;

	for (; ticket < journal->count; ticket++) {
		const struct entry *entry = &journal->entries[ticket % JOURNAL_JOBS_MAX];

		if (entry->state != ENTRY_FREE && now_s - entry->seen_s < JOURNAL_LIFE_SECONDS)
			return entry->accepted_at;
	}
	return journal_file_end(journal->file);
}

/* --- writing --- */

static void set_fault_locked(struct journal *journal, int failure)
{
	char fault[FAULT_MAX];

	(void)snprintf(
		fault, sizeof(fault), "the job journal cannot be written: %s", strerror(failure));
	if (strcmp(journal->fault, fault) != 0)
		log_error("journal: nothing is signed, the journal cannot be written error=\"%s\"",
			strerror(failure));
	(void)strcpy(journal->fault, fault);
}

static void clear_fault_locked(struct journal *journal)
{
	if (journal->fault[0])
		log_info("journal: can be written again");
	journal->fault[0] = '\0';
}

/* Takes the fields over. */
static bool append_locked(struct journal *journal, json_t *fields, uint64_t *at, uint32_t *len)
{
	size_t line_len = 0;
	bool good = fields && journal_file_append(journal->file, fields, at, &line_len);

	if (good)
		*len = (uint32_t)line_len;
	else
		set_fault_locked(journal, fields ? errno : ENOMEM);
	json_decref(fields);
	return good;
}

/* After a sync that failed: what is not on disk did not happen, what was signed has no answer. */
static void drop_undurable_locked(struct journal *journal)
{
	uint64_t durable = journal_file_durable(journal->file);

	for (size_t i = 0; i < JOURNAL_JOBS_MAX && i < journal->count; i++) {
		struct entry *entry = &journal->entries[i];

		if (entry->state == ENTRY_FREE)
			continue;
		if (entry->accepted_at + entry->accepted_len > durable)
			unlink_entry_locked(journal, entry);
		else if (entry->state == ENTRY_ANSWERED &&
			 entry->answered_at + entry->answered_len > durable)
			entry->state = ENTRY_INTERRUPTED;
	}
}

/* Whoever comes first writes for all that wait. */
static void sync_once_locked(struct journal *journal, int64_t now_s)
{
	if (journal->syncing) {
		(void)pthread_cond_wait(&journal->synced, &journal->lock);
		return;
	}
	int fd = journal_file_sync_begin(journal->file);

	journal->syncing = true;
	(void)pthread_mutex_unlock(&journal->lock);
	bool good = journal_file_sync(fd);
	int failure = errno;

	(void)pthread_mutex_lock(&journal->lock);
	journal->syncing = false;
	journal_file_sync_finish(journal->file, good);
	if (good) {
		clear_fault_locked(journal);
		journal_file_rotate(journal->file, needed_from_locked(journal, now_s));
	} else {
		set_fault_locked(journal, failure);
		drop_undurable_locked(journal);
	}
	(void)pthread_cond_broadcast(&journal->synced);
}

static bool is_durable(const struct journal *journal, const struct entry *entry)
{
	uint64_t end = entry->state == ENTRY_ANSWERED ? entry->answered_at + entry->answered_len
						      : entry->accepted_at + entry->accepted_len;

	return end <= journal_file_durable(journal->file);
}

/* Until the entry's last record is durable; NULL when it was lost instead. */
static const struct entry *settle_locked(struct journal *journal, uint64_t ticket)
{
	const struct entry *entry;

	while ((entry = entry_of_locked(journal, ticket)) && !is_durable(journal, entry))
		sync_once_locked(journal, entry->seen_s);
	return entry;
}

/* --- reading at start --- */

static struct entry *find_of_record(struct journal *journal, const json_t *record)
{
	const char *thumbprint = json_text(record, "ca");
	const char *siguuid = json_text(record, "siguuid");
	uint8_t key[DIGEST_LEN];

	if (!thumbprint || !siguuid || !hash_key(thumbprint, siguuid, key))
		return NULL;
	return find_locked(journal, key, journal->now_s);
}

static void read_accepted(struct journal *journal, const json_t *record, size_t at, size_t len)
{
	uint8_t key[DIGEST_LEN];
	uint8_t body[DIGEST_LEN];
	size_t body_len = 0;
	const char *thumbprint = json_text(record, "ca");
	const char *siguuid = json_text(record, "siguuid");
	const char *request = json_text(record, "request");
	int64_t time_s = json_integer_value(json_object_get(record, "time"));

	if (!thumbprint || !siguuid || !request || !hash_key(thumbprint, siguuid, key) ||
		!text_from_hex(request, body, sizeof(body), &body_len) ||
		body_len != sizeof(body) || journal->now_s - time_s >= JOURNAL_LIFE_SECONDS)
		return;
	struct entry *entry = find_locked(journal, key, journal->now_s);

	if (entry)
		unlink_entry_locked(journal, entry);
	entry = add_locked(journal, key, body, time_s);
	entry->accepted_at = at;
	entry->accepted_len = (uint32_t)len;
	entry->unsent = true;
}

static void read_answered(struct journal *journal, const json_t *record, size_t at, size_t len)
{
	struct entry *entry = find_of_record(journal, record);

	if (!entry)
		return;
	entry->state = ENTRY_ANSWERED;
	entry->answered_at = at;
	entry->answered_len = (uint32_t)len;
}

static void read_published(struct journal *journal, const json_t *record, size_t at, size_t len)
{
	struct entry *entry = find_of_record(journal, record);

	(void)at;
	(void)len;
	if (entry && json_is_true(json_object_get(record, "sent")))
		entry->unsent = false;
}

static void read_forgotten(struct journal *journal, const json_t *record, size_t at, size_t len)
{
	struct entry *entry = find_of_record(journal, record);

	(void)at;
	(void)len;
	if (entry)
		unlink_entry_locked(journal, entry);
}

static void read_record(void *journal, const json_t *record, size_t at, size_t len)
{
	static const struct {
		const char *event;
		void (*read)(struct journal *, const json_t *, size_t at, size_t len);
	} events[] = {
		{ "accepted", read_accepted },
		{ "answered", read_answered },
		{ "published", read_published },
		{ "forgotten", read_forgotten },
	};
	const char *event = json_text(record, "event");

	for (size_t i = 0; event && i < ARRAY_LEN(events); i++) {
		if (strcmp(event, events[i].event) == 0)
			events[i].read(journal, record, at, len);
	}
}

static json_t *read_line_locked(struct journal *journal, uint64_t at, uint32_t len)
{
	return journal_file_read(journal->file, at, len);
}

static json_t *answered_json(
	const json_t *accepted, const struct journal_answer *answer, int64_t now_s)
{
	return json_pack("{s:I s:s s:O s:O s:O s:b s:s s:s s:s s:I s:I s:I s:s}", "time",
		(json_int_t)now_s, "event", "answered", "ca", json_object_get(accepted, "ca"),
		"siguuid", json_object_get(accepted, "siguuid"), "kind",
		json_object_get(accepted, "kind"), "success", answer->success, "answer",
		answer->text, "subject", answer->subject, "serial", answer->serial, "size",
		(json_int_t)answer->size, "queue_ms", (json_int_t)answer->queue_ms, "token_ms",
		(json_int_t)answer->token_ms, "input", answer->input);
}

static bool append_answer_locked(struct journal *journal, struct entry *entry,
	const struct journal_answer *answer, int64_t now_s)
{
	CLEANUP(json)
	json_t *accepted = read_line_locked(journal, entry->accepted_at, entry->accepted_len);
	uint64_t at = 0;
	uint32_t len = 0;

	if (!accepted || !append_locked(journal, answered_json(accepted, answer, now_s), &at, &len))
		return false;
	entry->answered_at = at;
	entry->answered_len = len;
	entry->state = ENTRY_ANSWERED;
	return true;
}

/* What was accepted may have been signed: it never is again. */
static size_t interrupt_locked(struct journal *journal)
{
	static const struct journal_answer answer = { false, JOURNAL_INTERRUPTED, "", "", 0, 0, 0,
		"" };
	size_t interrupted = 0;

	for (size_t i = 0; i < JOURNAL_JOBS_MAX && i < journal->count; i++) {
		struct entry *entry = &journal->entries[i];

		if (entry->state == ENTRY_ACCEPTED) {
			entry->state = ENTRY_INTERRUPTED;
			(void)append_answer_locked(journal, entry, &answer, journal->now_s);
			interrupted++;
		}
		if (entry->state != ENTRY_FREE && entry->unsent)
			journal->unsent++;
	}
	return interrupted;
}

static bool read_all(struct journal *journal, const char *directory)
{
	CLEANUP(free) char *path = NULL;

	if (asprintf(&path, "%s/journal", directory) < 0)
		return false;
	journal->file = journal_file_open(
		path, journal->now_s - JOURNAL_LIFE_SECONDS, read_record, journal);
	if (!journal->file)
		return false;
	(void)pthread_mutex_lock(&journal->lock);
	size_t interrupted = interrupt_locked(journal);

	if (journal_file_durable(journal->file) < journal_file_end(journal->file))
		sync_once_locked(journal, journal->now_s);
	if (interrupted > 0 || journal->unsent > 0)
		log_warn(
			"journal: answers are due from before the start interrupted=%zu unsent=%zu",
			interrupted, journal->unsent);
	(void)pthread_mutex_unlock(&journal->lock);
	return true;
}

struct journal *journal_open(const char *directory, int64_t now_s)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	(void)pthread_mutex_init(&journal->lock, NULL);
	(void)pthread_cond_init(&journal->synced, NULL);
	journal->now_s = now_s;
	for (size_t i = 0; i < BUCKETS; i++)
		journal->buckets[i] = NOWHERE;
	journal->entries = calloc(JOURNAL_JOBS_MAX, sizeof(*journal->entries));
	/* Touched here, since calloc() leaves that to the first use. */
	if (journal->entries)
		explicit_bzero(journal->entries, JOURNAL_JOBS_MAX * sizeof(*journal->entries));
	if (journal->entries && read_all(journal, directory))
		return journal;
	journal_close(journal);
	return NULL;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	journal_file_close(journal->file);
	free(journal->entries);
	(void)pthread_cond_destroy(&journal->synced);
	(void)pthread_mutex_destroy(&journal->lock);
	free(journal);
}

/* --- use --- */

static bool read_answer_locked(struct journal *journal, const struct entry *entry, char **answer)
{
	if (entry->state == ENTRY_INTERRUPTED) {
		*answer = strdup("0" JOURNAL_INTERRUPTED);
		return *answer != NULL;
	}
	CLEANUP(json)
	json_t *record = read_line_locked(journal, entry->answered_at, entry->answered_len);
	const char *text = json_text(record, "answer");
	char success = json_is_true(json_object_get(record, "success")) ? '1' : '0';
	char *joined = NULL;

	if (!text || asprintf(&joined, "%c%s", success, text) < 0)
		return false;
	*answer = joined;
	return true;
}

static enum journal_verdict judge_locked(struct journal *journal, const struct entry *entry,
	const uint8_t body[HASH_LEN], char **answer)
{
	if (memcmp(entry->body, body, HASH_LEN) != 0)
		return JOURNAL_CONFLICT;
	if (entry->state == ENTRY_ACCEPTED || !is_durable(journal, entry))
		return JOURNAL_PENDING;
	return read_answer_locked(journal, entry, answer) ? JOURNAL_ANSWERED : JOURNAL_LOST;
}

static char *der_base64(const X509 *cert)
{
	uint8_t *der = NULL;
	int len = i2d_X509(cert, &der);
	char *text = len > 0 ? text_base64(bytes_of(der, (size_t)len)) : NULL;

	OPENSSL_free(der);
	return text;
}

static json_t *accepted_json(
	const struct journal_job *job, const uint8_t body[DIGEST_LEN], int64_t now_s)
{
	char request[2 * DIGEST_LEN + 1];
	char requester[JOURNAL_SUBJECT_MAX];
	CLEANUP(free) char *certificate = der_base64(job->requester);

	text_hex(request, bytes_of(body, DIGEST_LEN));
	if (!certificate || !X509_NAME_oneline(X509_get_subject_name(job->requester), requester,
				    sizeof(requester)))
		return NULL;
	return json_pack("{s:I s:s s:s s:s s:s s:s s:I s:s s:s s:s s:I s:f s:s}", "time",
		(json_int_t)now_s, "event", "accepted", "ca", job->thumbprint, "siguuid",
		job->siguuid, "kind", job->kind, "requester", requester, "size",
		(json_int_t)job->body.len, "request", request, "channel", job->channel, "publisher",
		job->publisher, "published", (json_int_t)job->published, "ttl", job->ttl_s,
		"certificate", certificate);
}

static enum journal_verdict accept_locked(struct journal *journal, const struct journal_job *job,
	const uint8_t key[DIGEST_LEN], const uint8_t body[DIGEST_LEN], int64_t now_s,
	uint64_t *ticket)
{
	uint64_t at = 0;
	uint32_t len = 0;

	if (!append_locked(journal, accepted_json(job, body, now_s), &at, &len))
		return JOURNAL_UNWRITABLE;
	struct entry *entry = add_locked(journal, key, body, now_s);

	entry->accepted_at = at;
	entry->accepted_len = len;
	*ticket = ticket_of(journal, entry);
	return JOURNAL_NEW;
}

enum journal_verdict journal_accept(struct journal *journal, const struct journal_job *job,
	int64_t now_s, uint64_t *ticket, char **answer)
{
	uint8_t key[DIGEST_LEN];
	uint8_t body[DIGEST_LEN];
	enum journal_verdict verdict;

	/* Without a hash nothing can be told apart: refuse rather than sign twice. */
	if (!hash_key(job->thumbprint, job->siguuid, key) || !hash(job->body, body))
		return JOURNAL_UNWRITABLE;
	(void)pthread_mutex_lock(&journal->lock);
	const struct entry *entry = find_locked(journal, key, now_s);

	if (entry) {
		*ticket = ticket_of(journal, entry);
		verdict = judge_locked(journal, entry, body, answer);
	} else {
		verdict = accept_locked(journal, job, key, body, now_s, ticket);
	}
	(void)pthread_mutex_unlock(&journal->lock);
	return verdict;
}

bool journal_commit(struct journal *journal, uint64_t ticket)
{
	(void)pthread_mutex_lock(&journal->lock);
	bool durable = settle_locked(journal, ticket) != NULL;

	(void)pthread_mutex_unlock(&journal->lock);
	return durable;
}

bool journal_answer(struct journal *journal, uint64_t ticket, const struct journal_answer *answer,
	int64_t now_s)
{
	bool good = false;

	(void)pthread_mutex_lock(&journal->lock);
	struct entry *entry = entry_of_locked(journal, ticket);

	if (entry && append_answer_locked(journal, entry, answer, now_s)) {
		const struct entry *settled = settle_locked(journal, ticket);

		good = settled && settled->state == ENTRY_ANSWERED;
	} else if (entry) {
		entry->state = ENTRY_INTERRUPTED;
	}
	(void)pthread_mutex_unlock(&journal->lock);
	return good;
}

/* A short record about an entry, that nobody waits for. */
static void note_locked(struct journal *journal, const struct entry *entry, json_t *fields)
{
	CLEANUP(json)
	json_t *accepted = read_line_locked(journal, entry->accepted_at, entry->accepted_len);
	uint64_t at = 0;
	uint32_t len = 0;

	if (accepted && fields &&
		json_object_set(fields, "ca", json_object_get(accepted, "ca")) == 0 &&
		json_object_set(fields, "siguuid", json_object_get(accepted, "siguuid")) == 0)
		(void)append_locked(journal, fields, &at, &len);
	else
		json_decref(fields);
}

void journal_published(
	struct journal *journal, uint64_t ticket, bool sent, int64_t network_ms, int64_t now_s)
{
	(void)pthread_mutex_lock(&journal->lock);
	const struct entry *entry = entry_of_locked(journal, ticket);

	if (entry)
		note_locked(journal, entry,
			json_pack("{s:I s:s s:b s:I}", "time", (json_int_t)now_s, "event",
				"published", "sent", sent, "network_ms", (json_int_t)network_ms));
	(void)pthread_mutex_unlock(&journal->lock);
}

void journal_forget(struct journal *journal, uint64_t ticket, int64_t now_s)
{
	(void)pthread_mutex_lock(&journal->lock);
	struct entry *entry = entry_of_locked(journal, ticket);

	if (entry && entry->state == ENTRY_ACCEPTED) {
		note_locked(journal, entry,
			json_pack("{s:I s:s}", "time", (json_int_t)now_s, "event", "forgotten"));
		unlink_entry_locked(journal, entry);
	}
	(void)pthread_mutex_unlock(&journal->lock);
}

/* The record when this entry is of that CA and has an answer to send. */
static json_t *take_entry_locked(
	struct journal *journal, struct entry *entry, const char *thumbprint, char **answer)
{
	CLEANUP(json)
	json_t *record = read_line_locked(journal, entry->accepted_at, entry->accepted_len);
	const char *ca = json_text(record, "ca");

	if (!ca || strcmp(ca, thumbprint) != 0)
		return NULL;
	entry->unsent = false;
	journal->unsent--;
	return read_answer_locked(journal, entry, answer) ? steal(&record) : NULL;
}

json_t *journal_take_unsent(
	struct journal *journal, const char *thumbprint, uint64_t *ticket, char **answer)
{
	json_t *record = NULL;

	(void)pthread_mutex_lock(&journal->lock);
	for (size_t i = 0;
		!record && journal->unsent > 0 && i < JOURNAL_JOBS_MAX && i < journal->count; i++) {
		struct entry *entry = &journal->entries[i];

		if (entry->state == ENTRY_FREE || !entry->unsent)
			continue;
		record = take_entry_locked(journal, entry, thumbprint, answer);
		*ticket = ticket_of(journal, entry);
	}
	(void)pthread_mutex_unlock(&journal->lock);
	return record;
}

json_t *journal_json(struct journal *journal)
{
	(void)pthread_mutex_lock(&journal->lock);
	json_t *json = json_pack("{s:I s:I s:b s:s}", "records",
		(json_int_t)journal_file_records(journal->file), "bytes",
		(json_int_t)journal_file_end(journal->file), "writable", journal->fault[0] == '\0',
		"reason", journal->fault);

	(void)pthread_mutex_unlock(&journal->lock);
	return json;
}
