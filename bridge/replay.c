/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked before, so that no request is executed twice; answers are kept in one bounded,
 * unnamed file. */
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cleanup.h"
#include "log.h"

/* Half a SHA-256 tells requests apart well enough, and twenty thousand entries stay small. */
enum { BUCKETS = 8192, HASH_LEN = 16, NOWHERE = UINT32_MAX };

enum entry_state { ENTRY_FREE, ENTRY_PENDING, ENTRY_ANSWERED };

struct entry {
	uint8_t key[HASH_LEN];
	uint8_t body[HASH_LEN];
	int64_t seen_s;
	uint64_t answer_at; /* position in the endless sequence of answers */
	uint32_t answer_len;
	uint32_t next; /* in the same bucket */
	enum entry_state state;
};

/*
 * Entries form a ring in order of arrival, its memory taken at the start, not with the jobs;
 * answers form a second ring in the file.
 */
struct replay {
	pthread_mutex_t lock; /* guards all below */
	uint32_t buckets[BUCKETS];
	struct entry *entries;
	uint64_t count;   /* entries ever made; ticket n lies at n % REPLAY_ENTRIES_MAX */
	uint64_t written; /* bytes of answers ever written */
	int fd;
};

/* Some file systems (overlay, NFS) have no O_TMPFILE. */
static int open_unnamed(const char *directory)
{
	char path[4096];
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	if (snprintf(path, sizeof(path), "%s/answers.XXXXXX", directory) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

struct replay *replay_new(const char *directory)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay)
		return NULL;
	(void)pthread_mutex_init(&replay->lock, NULL);
	for (size_t i = 0; i < BUCKETS; i++)
		replay->buckets[i] = NOWHERE;
	replay->entries = calloc(REPLAY_ENTRIES_MAX, sizeof(*replay->entries));
	/* Touched here, since calloc() leaves that to the first use. */
	if (replay->entries)
		explicit_bzero(replay->entries, REPLAY_ENTRIES_MAX * sizeof(*replay->entries));
	replay->fd = open_unnamed(directory);
	if (replay->entries && replay->fd >= 0)
		return replay;
	int failure = errno;

	replay_free(replay);
	errno = failure;
	return NULL;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	if (replay->fd >= 0)
		(void)close(replay->fd);
	free(replay->entries);
	(void)pthread_mutex_destroy(&replay->lock);
	free(replay);
}

static bool hash(struct bytes data, uint8_t out[HASH_LEN])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(data.data, data.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(out, digest, HASH_LEN);
	return true;
}

static uint32_t *bucket_of(struct replay *replay, const uint8_t key[HASH_LEN])
{
	return &replay->buckets[(((uint32_t)key[0] << 8) | key[1]) % BUCKETS];
}

static void unlink_entry_locked(struct replay *replay, uint32_t index)
{
	struct entry *entry = &replay->entries[index];

	if (entry->state == ENTRY_FREE)
		return;
	uint32_t *link = bucket_of(replay, entry->key);

	while (*link != index)
		link = &replay->entries[*link].next;
	*link = entry->next;
	entry->state = ENTRY_FREE;
}

static struct entry *find_locked(struct replay *replay, const uint8_t key[HASH_LEN], int64_t now_s)
{
	uint32_t index = *bucket_of(replay, key);

	while (index != NOWHERE && memcmp(replay->entries[index].key, key, HASH_LEN) != 0)
		index = replay->entries[index].next;
	if (index == NOWHERE)
		return NULL;
	if (now_s - replay->entries[index].seen_s < REPLAY_LIFE_SECONDS)
		return &replay->entries[index];
	unlink_entry_locked(replay, index);
	return NULL;
}

static uint64_t add_locked(struct replay *replay, const uint8_t key[HASH_LEN],
	const uint8_t body[HASH_LEN], int64_t now_s)
{
	uint64_t ticket = replay->count++;
	uint32_t index = (uint32_t)(ticket % REPLAY_ENTRIES_MAX);
	struct entry *entry = &replay->entries[index];

	unlink_entry_locked(replay, index);
	uint32_t *bucket = bucket_of(replay, key);

	memcpy(entry->key, key, HASH_LEN);
	memcpy(entry->body, body, HASH_LEN);
	entry->seen_s = now_s;
	entry->answer_len = 0;
	entry->next = *bucket;
	entry->state = ENTRY_PENDING;
	*bucket = index;
	return ticket;
}

/* An answer never wraps around the file's end: what would is put at the start. */
static uint64_t place_of(uint64_t written, size_t len)
{
	uint64_t rest = REPLAY_ANSWERS_MAX - written % REPLAY_ANSWERS_MAX;

	return rest < len ? written + rest : written;
}

static bool read_answer_locked(struct replay *replay, const struct entry *entry, char **answer)
{
	if (entry->answer_len == 0 || replay->written - entry->answer_at > REPLAY_ANSWERS_MAX)
		return false;
	char *text = malloc((size_t)entry->answer_len + 1);

	if (!text || pread(replay->fd, text, entry->answer_len,
			     (off_t)(entry->answer_at % REPLAY_ANSWERS_MAX)) !=
			     (ssize_t)entry->answer_len) {
		free(text);
		return false;
	}
	text[entry->answer_len] = '\0';
	*answer = text;
	return true;
}

static enum replay_verdict judge_locked(struct replay *replay, const struct entry *entry,
	const uint8_t body[HASH_LEN], char **answer)
{
	if (memcmp(entry->body, body, HASH_LEN) != 0)
		return REPLAY_CONFLICT;
	if (entry->state == ENTRY_PENDING)
		return REPLAY_PENDING;
	return read_answer_locked(replay, entry, answer) ? REPLAY_ANSWERED : REPLAY_LOST;
}

enum replay_verdict replay_begin(struct replay *replay, struct bytes key, struct bytes body,
	int64_t now_s, uint64_t *ticket, char **answer)
{
	uint8_t key_hash[HASH_LEN];
	uint8_t body_hash[HASH_LEN];
	enum replay_verdict verdict = REPLAY_NEW;

	/* Without a hash nothing can be told apart: refuse rather than sign twice. */
	if (!hash(key, key_hash) || !hash(body, body_hash))
		return REPLAY_CONFLICT;
	(void)pthread_mutex_lock(&replay->lock);
	const struct entry *entry = find_locked(replay, key_hash, now_s);

	if (entry)
		verdict = judge_locked(replay, entry, body_hash, answer);
	else
		*ticket = add_locked(replay, key_hash, body_hash, now_s);
	(void)pthread_mutex_unlock(&replay->lock);
	return verdict;
}

/* NULL when newer requests have taken the place meanwhile. */
static struct entry *entry_of_locked(struct replay *replay, uint64_t ticket)
{
	struct entry *entry = &replay->entries[ticket % REPLAY_ENTRIES_MAX];

	return replay->count - ticket <= REPLAY_ENTRIES_MAX && entry->state == ENTRY_PENDING ? entry
											     : NULL;
}

void replay_answer(struct replay *replay, uint64_t ticket, const char *answer)
{
	size_t len = strlen(answer);

	(void)pthread_mutex_lock(&replay->lock);
	struct entry *entry = entry_of_locked(replay, ticket);
	uint64_t at = place_of(replay->written, len);

	if (entry) {
		entry->state = ENTRY_ANSWERED;
		if (len < REPLAY_ANSWERS_MAX / 16 &&
			pwrite(replay->fd, answer, len, (off_t)(at % REPLAY_ANSWERS_MAX)) ==
				(ssize_t)len) {
			entry->answer_at = at;
			entry->answer_len = (uint32_t)len;
			replay->written = at + len;
		} else {
			log_warn("replay: an answer is not kept for repeated requests len=%zu"
				 " error=\"%m\"",
				len);
		}
	}
	(void)pthread_mutex_unlock(&replay->lock);
}

void replay_forget(struct replay *replay, uint64_t ticket)
{
	(void)pthread_mutex_lock(&replay->lock);
	if (entry_of_locked(replay, ticket))
		unlink_entry_locked(replay, (uint32_t)(ticket % REPLAY_ENTRIES_MAX));
	(void)pthread_mutex_unlock(&replay->lock);
}
