/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that a token cannot keep itself: all in memory, each in a file of its own. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <iothsm/iothsm.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "store_object.h"

#define STORE_SUFFIX ".object"

enum { STORE_NAME_LEN = 16 + sizeof(STORE_SUFFIX) - 1 };

struct store {
	pthread_mutex_t lock; /* guards all below but path */
	size_t count;
	struct store_object *objects[STORE_OBJECTS_MAX]; /* by id, oldest first */
	uint64_t last_id;
	bool made; /* the directory exists */
	char path[PATH_MAX - STORE_NAME_LEN - 8];
};

/* Appends a name as one path component: no slash, no leading dot, never empty. */
static bool append_component(char *path, size_t size, const char *name)
{
	size_t at = strlen(path);

	if (at + 3 * strlen(name) + 3 > size)
		return false;
	path[at++] = '/';
	for (const char *c = name; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';

		if (plain)
			path[at++] = *c;
		else
			at += (size_t)sprintf(path + at, "%%%02x", (unsigned char)*c);
	}
	if (name[0] == '\0')
		path[at++] = '%';
	path[at] = '\0';
	return true;
}

static void object_path(const struct store *store, uint64_t id, char path[PATH_MAX])
{
	(void)snprintf(
		path, PATH_MAX, "%s/%016llx" STORE_SUFFIX, store->path, (unsigned long long)id);
}

static bool name_is_object(const char *name, uint64_t *id)
{
	char *end;

	if (strlen(name) != STORE_NAME_LEN || strspn(name, "0123456789abcdef") != 16)
		return false;
	*id = strtoull(name, &end, 16);
	return strcmp(end, STORE_SUFFIX) == 0 && *id != 0;
}

static void load_object(struct store *store, uint64_t id)
{
	char path[PATH_MAX];
	size_t len = 0;

	object_path(store, id, path);
	CLEANUP(free) char *content = file_read(path, STORE_FILE_MAX, &len);
	struct store_object *object =
		content ? store_object_decode(bytes_of(content, len), id) : NULL;

	if (object && store->count < STORE_OBJECTS_MAX) {
		store->objects[store->count++] = object;
		return;
	}
	store_object_free(object);
	log_warn("store: object skipped, its file is damaged or one too many; look at it, then "
		 "remove it file=%s",
		path);
}

static int compare_ids(const void *a, const void *b)
{
	const struct store_object *first = *(struct store_object *const *)a;
	const struct store_object *second = *(struct store_object *const *)b;

	return (first->id > second->id) - (first->id < second->id);
}

static bool load_all(struct store *store)
{
	DIR *directory = opendir(store->path);

	if (!directory)
		return errno == ENOENT;
	store->made = true;
	for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		uint64_t id;

		if (!name_is_object(entry->d_name, &id))
			continue;
		load_object(store, id);
		/* An id is not given again, not even that of a damaged file. */
		if (id > store->last_id)
			store->last_id = id;
	}
	(void)closedir(directory);
	qsort(store->objects, store->count, sizeof(store->objects[0]), compare_ids);
	return true;
}

struct store *store_open(const char *directory, const char *backend, const char *serial)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	if (strlen(directory) < sizeof(store->path))
		(void)strcpy(store->path, directory);
	if (store->path[0] == '\0' ||
		!append_component(store->path, sizeof(store->path), backend) ||
		!append_component(store->path, sizeof(store->path), serial) || !load_all(store)) {
		log_error("store: directory is not readable; check its owner and mode "
			  "directory=%s error=%s",
			store->path, strerror(errno));
		for (size_t i = 0; i < store->count; i++)
			store_object_free(store->objects[i]);
		free(store);
		return NULL;
	}
	(void)pthread_mutex_init(&store->lock, NULL);
	return store;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->count; i++)
		store_object_free(store->objects[i]);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
}

/* Grows with time, so that an id is not given again after its object is gone. */
static uint64_t next_id_locked(const struct store *store)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t id = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;

	return id > store->last_id ? id : store->last_id + 1;
}

static CK_RV write_locked(struct store *store, const struct store_object *object)
{
	char path[PATH_MAX];
	uint8_t *content = NULL;
	size_t len = 0;

	TRY(store_object_encode(object, &content, &len));
	if (!store->made)
		store->made = file_make_directory(store->path, 0700);
	object_path(store, object->id, path);
	bool written = store->made && file_replace(path, bytes_of(content, len), 0600);

	if (!written)
		log_error("store: object not written; check space, owner and mode file=%s error=%s",
			path, strerror(errno));
	free(content);
	return written ? CKR_OK : CKR_IOTHSM_STORE_FULL;
}

static CK_RV put_locked(struct store *store, struct store_object *object)
{
	if (store->count >= STORE_OBJECTS_MAX) {
		log_error("store: no room for another object; destroy old ones directory=%s max=%d",
			store->path, STORE_OBJECTS_MAX);
		return CKR_IOTHSM_STORE_FULL;
	}
	object->id = next_id_locked(store);
	TRY(write_locked(store, object));
	store->objects[store->count++] = object;
	store->last_id = object->id;
	return CKR_OK;
}

CK_RV store_put(struct store *store, const CK_ATTRIBUTE *attributes, CK_ULONG count, uint64_t *id)
{
	struct store_object *object = NULL;

	TRY(store_object_new(attributes, count, &object));
	(void)pthread_mutex_lock(&store->lock);
	CK_RV rv = put_locked(store, object);

	if (rv == CKR_OK)
		*id = object->id;
	else
		store_object_free(object);
	(void)pthread_mutex_unlock(&store->lock);
	return rv;
}

/* store->count when there is none. */
static size_t index_locked(const struct store *store, uint64_t id)
{
	size_t i = 0;

	while (i < store->count && store->objects[i]->id != id)
		i++;
	return i;
}

static CK_RV remove_locked(struct store *store, uint64_t id)
{
	size_t at = index_locked(store, id);
	char path[PATH_MAX];

	if (at == store->count)
		return CKR_OBJECT_HANDLE_INVALID;
	object_path(store, id, path);
	if (unlink(path) != 0 && errno != ENOENT) {
		log_error("store: object not removed; check owner and mode file=%s error=%s", path,
			strerror(errno));
		return CKR_FUNCTION_FAILED;
	}
	store_object_free(store->objects[at]);
	store->count--;
	memmove(store->objects + at, store->objects + at + 1,
		(store->count - at) * sizeof(store->objects[0]));
	return CKR_OK;
}

CK_RV store_remove(struct store *store, uint64_t id)
{
	(void)pthread_mutex_lock(&store->lock);
	CK_RV rv = remove_locked(store, id);

	(void)pthread_mutex_unlock(&store->lock);
	return rv;
}

CK_RV store_find(struct store *store, const CK_ATTRIBUTE *attributes, CK_ULONG count, uint64_t *ids,
	size_t max, size_t *found)
{
	size_t matches = 0;

	(void)pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->count && matches < max; i++) {
		if (store_object_matches(store->objects[i], attributes, count))
			ids[matches++] = store->objects[i]->id;
	}
	(void)pthread_mutex_unlock(&store->lock);
	*found = matches;
	return CKR_OK;
}

CK_RV store_get(struct store *store, uint64_t id, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_RV rv = CKR_OBJECT_HANDLE_INVALID;

	(void)pthread_mutex_lock(&store->lock);
	size_t at = index_locked(store, id);

	if (at < store->count)
		rv = store_object_get(store->objects[at], attributes, count);
	(void)pthread_mutex_unlock(&store->lock);
	return rv;
}
