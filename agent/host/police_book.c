/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in force in a host: read again when it changed, and how often each key was used. */
#include "police_book.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "file.h"
#include "log.h"
#include "policy_file.h"
#include "text.h"

enum { HOUR_MS = 3600 * 1000, US = 1000 };

/* By which a changed file or directory is told. */
struct stamp {
	bool present;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

/* full_us: when the key would have all its signatures again. */
struct meter {
	uint8_t spki[SIGNED_SPKI_LEN];
	int64_t full_us;
};

struct police_book {
	pthread_mutex_t lock; /* guards all below */
	char file[LINK_TEXT_MAX], directory[LINK_TEXT_MAX];
	struct stamp file_seen, directory_seen;
	bool read;                    /* at least once */
	struct police_edition unread; /* in force until one could be read; never freed */
	struct police_edition *edition;
	struct meter *meters;
	size_t meter_count;
};

struct police_book *police_book_new(void)
{
	struct police_book *book = calloc(1, sizeof(*book));

	if (!book)
		return NULL;
	book->unread.refs = 1;
	book->edition = &book->unread;
	(void)pthread_mutex_init(&book->lock, NULL);
	return book;
}

static void unref_locked(struct police_edition *edition)
{
	if (--edition->refs > 0)
		return;
	policy_free(edition->policy);
	free(edition);
}

void police_book_free(struct police_book *book)
{
	if (!book)
		return;
	if (book->edition != &book->unread)
		unref_locked(book->edition);
	free(book->meters);
	(void)pthread_mutex_destroy(&book->lock);
	free(book);
}

void police_book_configure(struct police_book *book, const struct link_message *message)
{
	(void)pthread_mutex_lock(&book->lock);
	if (message->number == LINK_POLICY_FILE)
		memcpy(book->file, message->text, sizeof(book->file));
	else
		memcpy(book->directory, message->text, sizeof(book->directory));
	book->read = false;
	(void)pthread_mutex_unlock(&book->lock);
}

static struct stamp look_at(const char *path)
{
	struct stat status;
	struct stamp stamp;

	memset(&stamp, 0, sizeof(stamp)); /* the gaps too: stamps are compared as bytes */
	/* What cannot be looked at is for the reader to complain about. */
	if (!*path || stat(path, &status) != 0)
		return stamp;
	stamp.present = true;
	stamp.device = status.st_dev;
	stamp.inode = status.st_ino;
	stamp.size = status.st_size;
	stamp.modified = status.st_mtim;
	stamp.changed = status.st_ctim;
	return stamp;
}

static bool has_changed_locked(struct police_book *book)
{
	struct stamp file = look_at(book->file), directory = look_at(book->directory);
	bool changed = !book->read || memcmp(&file, &book->file_seen, sizeof(file)) != 0 ||
		       memcmp(&directory, &book->directory_seen, sizeof(directory)) != 0;

	book->file_seen = file;
	book->directory_seen = directory;
	book->read = true;
	return changed;
}

static void tell(const struct policy *policy)
{
	size_t observed = 0, open = 0;

	for (size_t i = 0; i < policy->count; i++) {
		observed += policy->keys[i].observe;
		open += !policy->keys[i].observe && policy->keys[i].prehashed;
	}
	log_info("policy: in force keys=%zu observed_only=%zu not_enforced_for_prehashed=%zu",
		policy->count, observed, open);
}

/* What was good stays in force while its successor is not; without one everything is refused. */
static void complain_locked(const struct police_book *book)
{
	if (book->edition->policy)
		log_error("policy: the former one stays in force until this one is mended");
	else
		log_error("policy: no private key can be used until this is mended");
}

static void read_again_locked(struct police_book *book)
{
	struct police_edition *edition = calloc(1, sizeof(*edition));

	if (!edition ||
		policy_load(*book->file ? book->file : NULL,
			*book->directory ? book->directory : NULL, &edition->policy) != CKR_OK) {
		complain_locked(book);
		free(edition);
		return;
	}
	edition->refs = 1;
	if (edition->policy->count > 0)
		tell(edition->policy);
	if (book->edition != &book->unread)
		unref_locked(book->edition);
	book->edition = edition;
}

static bool says_nothing(const struct police_edition *edition)
{
	return edition->policy && edition->policy->count == 0;
}

struct police_edition *police_book_take(struct police_book *book)
{
	if (!book)
		return NULL;
	(void)pthread_mutex_lock(&book->lock);
	if (has_changed_locked(book))
		read_again_locked(book);
	struct police_edition *edition = says_nothing(book->edition) ? NULL : book->edition;

	if (edition)
		edition->refs++;
	(void)pthread_mutex_unlock(&book->lock);
	return edition;
}

void police_book_give(struct police_book *book, struct police_edition *edition)
{
	if (!edition)
		return;
	(void)pthread_mutex_lock(&book->lock);
	unref_locked(edition);
	(void)pthread_mutex_unlock(&book->lock);
}

static struct meter *meter_locked(struct police_book *book, const uint8_t *spki)
{
	for (size_t i = 0; i < book->meter_count; i++)
		if (memcmp(book->meters[i].spki, spki, SIGNED_SPKI_LEN) == 0)
			return &book->meters[i];
	struct meter *grown =
		realloc(book->meters, (book->meter_count + 1) * sizeof(*book->meters));

	if (!grown)
		return NULL;
	book->meters = grown;
	struct meter *meter = &grown[book->meter_count++];

	*meter = (struct meter){ .full_us = 0 };
	memcpy(meter->spki, spki, SIGNED_SPKI_LEN);
	return meter;
}

bool police_book_count(struct police_book *book, const struct policy_key *key, int64_t now_ms)
{
	const int64_t hour_us = (int64_t)HOUR_MS * US, now_us = now_ms * US;

	if (key->per_hour <= 0)
		return true;
	int64_t each_us = hour_us / key->per_hour;

	(void)pthread_mutex_lock(&book->lock);
	struct meter *meter = meter_locked(book, key->spki);
	int64_t full_us = meter && meter->full_us > now_us ? meter->full_us : now_us;
	bool allowed = meter && full_us + each_us - now_us <= hour_us;

	if (allowed)
		meter->full_us = full_us + each_us;
	(void)pthread_mutex_unlock(&book->lock);
	return allowed;
}

void police_book_adopt(struct police_book *book, const X509 *cert)
{
	char text[POLICY_TEXT_MAX], path[PATH_MAX], name[2 * SIGNED_SPKI_LEN + 1];
	char directory[LINK_TEXT_MAX];
	uint8_t spki[SIGNED_SPKI_LEN];
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	if (!book)
		return;
	(void)pthread_mutex_lock(&book->lock);
	memcpy(directory, book->directory, sizeof(directory));
	(void)pthread_mutex_unlock(&book->lock);
	if (!*directory || !key || !signed_hash_key(key, spki) || !policy_write_default(cert, text))
		return;
	text_hex(name, bytes_of(spki, sizeof(spki)));
	(void)snprintf(path, sizeof(path), "%s/%s.conf", directory, name);
	if (!file_make_directory(directory, 0700) || !file_replace(path, bytes_of_text(text), 0600))
		log_error("policy: the default block was not written to %s: %s", path,
			strerror(errno));
	else
		log_info("policy: default block written, it observes; to enforce one write it into "
			 "policy.conf key=%s path=%s",
			name, path);
}
