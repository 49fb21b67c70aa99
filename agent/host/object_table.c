/* SPDX-License-Identifier: Apache-2.0 */
/* The entries behind object handles, found by handle, by native handle and by identity. */
#include "object_table.h"

#include <stdlib.h>

#include "session.h"

enum { FIND_STEP = 256 };

/* Native handles count up from one and virtual ones are random: the low bits spread both. */
static size_t bucket_of(uint64_t number)
{
	return (size_t)((number ^ (number >> 17)) % OBJECT_BUCKETS);
}

static size_t bucket_of_identity(const uint8_t *identity)
{
	uint64_t number = 0;

	memcpy(&number, identity + 8, sizeof(number));
	return bucket_of(number);
}

void objects_init(struct objects *objects)
{
	*objects = (struct objects){ .generation = 1 };
	(void)pthread_rwlock_init(&objects->lock, NULL);
}

CK_RV object_table_add(struct objects *objects, struct object *object)
{
	struct object **handle = &objects->by_handle[bucket_of(object->handle)];
	struct object **native = &objects->by_native[bucket_of(object->native)];
	struct object **identity = &objects->by_identity[bucket_of_identity(object->identity.hash)];

	if (objects->count >= OBJECTS_MAX)
		return CKR_DEVICE_MEMORY;
	objects->count++;
	object->next_by_handle = *handle;
	*handle = object;
	object->next_by_native = *native;
	*native = object;
	object->next_by_identity = *identity;
	*identity = object;
	return CKR_OK;
}

static void unlink_native(struct objects *objects, const struct object *object)
{
	struct object **at = &objects->by_native[bucket_of(object->native)];

	while (*at != object)
		at = &(*at)->next_by_native;
	*at = object->next_by_native;
}

void object_table_remove(struct objects *objects, struct object *object)
{
	struct object **handle = &objects->by_handle[bucket_of(object->handle)];
	struct object **identity = &objects->by_identity[bucket_of_identity(object->identity.hash)];

	while (*handle != object)
		handle = &(*handle)->next_by_handle;
	*handle = object->next_by_handle;
	while (*identity != object)
		identity = &(*identity)->next_by_identity;
	*identity = object->next_by_identity;
	unlink_native(objects, object);
	objects->count--;
	if (object->owner) {
		object->owner->objects--;
		objects->of_sessions--;
	}
	free(object);
}

CK_RV object_table_own(
	struct objects *objects, struct object *object, const struct session *session)
{
	struct client *owner = session->client;

	if (owner->objects >= CLIENT_OBJECTS_MAX || objects->of_sessions >= OBJECTS_OF_SESSIONS_MAX)
		return CKR_DEVICE_MEMORY;
	owner->objects++;
	objects->of_sessions++;
	object->owner = owner;
	object->session = session;
	return CKR_OK;
}

struct object *object_table_by_handle(const struct objects *objects, CK_OBJECT_HANDLE handle)
{
	struct object *at = objects->by_handle[bucket_of(handle)];

	while (at && at->handle != handle)
		at = at->next_by_handle;
	return at;
}

struct object *object_table_by_native(const struct objects *objects, CK_OBJECT_HANDLE native)
{
	struct object *at = objects->by_native[bucket_of(native)];

	while (at && (at->native != native || at->generation != objects->generation ||
			     at->store_id != 0))
		at = at->next_by_native;
	return at;
}

static struct object *first_alike(struct object *at, const uint8_t *identity)
{
	while (at && memcmp(at->identity.hash, identity, IDENTITY_LEN) != 0)
		at = at->next_by_identity;
	return at;
}

struct object *object_table_by_identity(const struct objects *objects, const uint8_t *identity)
{
	return first_alike(objects->by_identity[bucket_of_identity(identity)], identity);
}

struct object *object_table_next_alike(const struct object *object)
{
	return first_alike(object->next_by_identity, object->identity.hash);
}

void object_table_set_native(
	struct objects *objects, struct object *object, CK_OBJECT_HANDLE native)
{
	unlink_native(objects, object);
	object->native = native;
	object->generation = objects->generation;
	struct object **bucket = &objects->by_native[bucket_of(native)];

	object->next_by_native = *bucket;
	*bucket = object;
}

typedef bool filter(const struct object *object, const void *context);

static void remove_where(struct objects *objects, filter *matches, const void *context)
{
	for (size_t i = 0; i < OBJECT_BUCKETS; i++) {
		struct object *next = NULL;

		for (struct object *at = objects->by_handle[i]; at; at = next) {
			next = at->next_by_handle;
			if (matches(at, context))
				object_table_remove(objects, at);
		}
	}
}

static bool any(const struct object *object, const void *context)
{
	(void)object;
	(void)context;
	return true;
}

void objects_reset(struct objects *objects)
{
	remove_where(objects, any, NULL);
	(void)pthread_rwlock_destroy(&objects->lock);
}

void objects_forget_all(struct token *token)
{
	(void)pthread_rwlock_wrlock(&token->objects.lock);
	remove_where(&token->objects, any, NULL);
	token->objects.generation++;
	token->objects.enumerated = false;
	(void)pthread_rwlock_unlock(&token->objects.lock);
}

struct owner {
	const struct client *client;
	const struct session *session;
};

static bool is_of_owner(const struct object *object, const void *context)
{
	const struct owner *owner = context;

	if (object->identity.on_token || object->owner != owner->client)
		return false;
	return !owner->session || object->session == owner->session;
}

void objects_forget_session(
	struct token *token, const struct client *client, const struct session *session)
{
	struct owner owner = { client, session };

	(void)pthread_rwlock_wrlock(&token->objects.lock);
	remove_where(&token->objects, is_of_owner, &owner);
	(void)pthread_rwlock_unlock(&token->objects.lock);
}

static bool is_private_session_object(const struct object *object, const void *context)
{
	(void)context;
	return object->identity.private && !object->identity.on_token;
}

/* PKCS#11 3.0, 5.6.8: a logout destroys private session objects; other handles get a new
 * generation. */
void objects_invalidate(struct token *token, bool all)
{
	struct objects *objects = &token->objects;

	(void)pthread_rwlock_wrlock(&objects->lock);
	remove_where(objects, is_private_session_object, NULL);
	objects->generation++;
	objects->enumerated = false;
	for (size_t i = 0; i < OBJECT_BUCKETS && !all; i++)
		for (struct object *at = objects->by_handle[i]; at; at = at->next_by_handle)
			if (!at->identity.private && at->generation + 1 == objects->generation)
				at->generation++;
	(void)pthread_rwlock_unlock(&objects->lock);
}

void objects_expect_more(struct token *token)
{
	(void)pthread_rwlock_wrlock(&token->objects.lock);
	token->objects.enumerated = false;
	(void)pthread_rwlock_unlock(&token->objects.lock);
}

static bool is_stale(const struct object *object, const void *context)
{
	const unsigned *generation = context;

	return object->identity.on_token && object->store_id == 0 &&
	       object->generation != *generation;
}

void object_table_drop_stale(struct objects *objects)
{
	remove_where(objects, is_stale, &objects->generation);
}

/* client NULL: of anybody. */
static struct object *find_private(struct objects *objects, const struct client *client)
{
	for (size_t i = 0; i < OBJECT_BUCKETS; i++)
		for (struct object *at = objects->by_handle[i]; at; at = at->next_by_handle)
			if (is_private_session_object(at, NULL) && (!client || at->owner == client))
				return at;
	return NULL;
}

bool object_take_private(struct token *token, const struct client *client, CK_OBJECT_HANDLE *native)
{
	(void)pthread_rwlock_wrlock(&token->objects.lock);
	struct object *object = find_private(&token->objects, client);

	if (object) {
		*native = object->native;
		object_table_remove(&token->objects, object);
	}
	(void)pthread_rwlock_unlock(&token->objects.lock);
	return object != NULL;
}

bool object_private_holder(struct token *token, uid_t *uid, pid_t *pid)
{
	(void)pthread_rwlock_rdlock(&token->objects.lock);
	const struct object *object = find_private(&token->objects, NULL);

	if (object) {
		*uid = object->owner->uid;
		*pid = object->owner->pid;
	}
	(void)pthread_rwlock_unlock(&token->objects.lock);
	return object != NULL;
}

void object_forget(struct token *token, CK_OBJECT_HANDLE handle)
{
	(void)pthread_rwlock_wrlock(&token->objects.lock);
	struct object *object = object_table_by_handle(&token->objects, handle);

	if (object)
		object_table_remove(&token->objects, object);
	(void)pthread_rwlock_unlock(&token->objects.lock);
}

static CK_RV read_found(CK_FUNCTION_LIST *functions, CK_SESSION_HANDLE session,
	CK_OBJECT_HANDLE **natives, size_t *found)
{
	CK_ULONG got = FIND_STEP;

	while (got == FIND_STEP && *found < OBJECTS_MAX) {
		CK_OBJECT_HANDLE *grown =
			realloc(*natives, (*found + FIND_STEP) * sizeof(**natives));

		if (!grown)
			return CKR_HOST_MEMORY;
		*natives = grown;
		got = 0;
		TRY(functions->C_FindObjects(session, grown + *found, FIND_STEP, &got));
		if (got > FIND_STEP)
			return CKR_DEVICE_ERROR;
		*found += got;
	}
	return CKR_OK;
}

CK_RV object_find_native(struct token *token, CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes,
	CK_ULONG count, CK_OBJECT_HANDLE **natives, size_t *found)
{
	CK_FUNCTION_LIST *functions = token->host->functions;
	CK_OBJECT_HANDLE *list = NULL;
	size_t total = 0;

	TRY(functions->C_FindObjectsInit(session, attributes, count));
	CK_RV rv = read_found(functions, session, &list, &total);
	CK_RV end = functions->C_FindObjectsFinal(session);

	if (rv == CKR_OK)
		rv = end;
	if (rv != CKR_OK) {
		free(list);
		return rv;
	}
	*natives = list;
	*found = total;
	return CKR_OK;
}
