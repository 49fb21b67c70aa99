/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual object handles: durable where an object can be known again, and hidden from those it is
 * not for. */
#include "object.h"

#include <stdlib.h>

#include "log.h"
#include "object_table.h"
#include "session.h"

/* A new entry for what was read of a native object. Two alike: only the first may have the durable
 * handle. */
static CK_RV entry_new(struct token *token, CK_OBJECT_HANDLE native,
	const struct identity *identity, bool unique, struct object **out)
{
	struct object *object = calloc(1, sizeof(*object));
	CK_RV rv = CKR_OK;

	if (!object)
		return CKR_HOST_MEMORY;
	object->native = native;
	object->generation = token->objects.generation;
	object->identity = *identity;
	if (identity->durable && unique)
		rv = identity_handle(token->host->key, token->facts.serial,
			bytes_of(identity->hash, sizeof(identity->hash)), &object->handle);
	while (rv == CKR_OK && (object->handle == CK_INVALID_HANDLE ||
				       object_table_by_handle(&token->objects, object->handle)))
		rv = identity_random_handle(&object->handle);
	if (rv == CKR_OK)
		rv = object_table_add(&token->objects, object);
	if (rv != CKR_OK) {
		free(object);
		return rv;
	}
	*out = object;
	return CKR_OK;
}

static struct object_view view_of(const struct object *object)
{
	return (struct object_view){ .handle = object->handle,
		.native = object->native,
		.class = object->identity.class,
		.key_type = object->identity.key_type,
		.private = object->identity.private,
		.on_token = object->identity.on_token,
		.store_id = object->store_id };
}

static bool may_see(const struct client *client, const struct object *object)
{
	if (object->identity.private && client->login != CKU_USER)
		return false;
	return object->identity.on_token || object->owner == client;
}

/* A native handle of this identity that the table already holds and that still answers is another
 * object. */
static bool is_alive(struct token *token, CK_SESSION_HANDLE session, const struct object *object)
{
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE attribute = { CKA_CLASS, &class, sizeof(class) };

	if (object->generation != token->objects.generation)
		return false;
	return token->host->functions->C_GetAttributeValue(
		       session, object->native, &attribute, 1) == CKR_OK;
}

/* What one enumeration saw that the table did not know yet. */
struct sighting {
	CK_OBJECT_HANDLE native;
	struct identity identity;
};

static int by_identity(const void *left, const void *right)
{
	const struct sighting *a = left, *b = right;

	return memcmp(a->identity.hash, b->identity.hash, IDENTITY_LEN);
}

/* Gives the one stale entry of an identity its new native handle; false when it is none or not just
 * one. */
static bool rebind_locked(struct token *token, CK_SESSION_HANDLE session,
	const struct sighting *seen, struct object **out)
{
	struct object *stale = NULL;

	for (struct object *at = object_table_by_identity(&token->objects, seen->identity.hash); at;
		at = object_table_next_alike(at)) {
		if (!at->identity.on_token || is_alive(token, session, at))
			return false;
		if (stale)
			return false;
		stale = at;
	}
	if (!stale)
		return false;
	object_table_set_native(&token->objects, stale, seen->native);
	stale->identity.private = seen->identity.private;
	*out = stale;
	return true;
}

static CK_RV learn_locked(struct token *token, CK_SESSION_HANDLE session,
	const struct sighting *seen, bool unique, struct object **out)
{
	struct object *known = object_table_by_native(&token->objects, seen->native);

	if (known) {
		*out = known;
		return CKR_OK;
	}
	if (unique && rebind_locked(token, session, seen, out))
		return CKR_OK;
	return entry_new(token, seen->native, &seen->identity, unique, out);
}

static bool is_known(struct objects *objects, CK_OBJECT_HANDLE native)
{
	(void)pthread_rwlock_rdlock(&objects->lock);
	bool known = object_table_by_native(objects, native) != NULL;

	(void)pthread_rwlock_unlock(&objects->lock);
	return known;
}

static size_t read_sightings(struct token *token, CK_SESSION_HANDLE session,
	const CK_OBJECT_HANDLE *natives, size_t count, struct sighting *seen)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		seen[used].native = natives[i];
		if (is_known(&token->objects, natives[i]))
			continue;
		if (identity_read(token->host->functions, session, natives[i],
			    &seen[used].identity) == CKR_OK &&
			seen[used].identity.on_token)
			used++;
	}
	qsort(seen, used, sizeof(*seen), by_identity);
	return used;
}

static bool is_alone(const struct sighting *seen, size_t count, size_t at)
{
	bool as_before = at > 0 && by_identity(&seen[at - 1], &seen[at]) == 0;
	bool as_after = at + 1 < count && by_identity(&seen[at], &seen[at + 1]) == 0;

	return !as_before && !as_after;
}

static CK_RV learn_all(struct token *token, CK_SESSION_HANDLE session,
	const CK_OBJECT_HANDLE *natives, size_t count)
{
	struct sighting *seen = calloc(count > 0 ? count : 1, sizeof(*seen));
	struct object *object = NULL;
	CK_RV rv = CKR_OK;

	if (!seen)
		return CKR_HOST_MEMORY;
	size_t used = read_sightings(token, session, natives, count, seen);

	(void)pthread_rwlock_wrlock(&token->objects.lock);
	for (size_t i = 0; i < used && rv == CKR_OK; i++)
		rv = learn_locked(token, session, &seen[i], is_alone(seen, used, i), &object);
	if (rv == CKR_OK)
		token->objects.enumerated = true;
	if (rv == CKR_OK && token->native_user == CKU_USER)
		object_table_drop_stale(
			&token->objects); /* all is visible: what was not seen is gone */
	(void)pthread_rwlock_unlock(&token->objects.lock);
	free(seen);
	return rv;
}

/* Looks at every object once, so that a handle is given back only to the one object it can mean. */
static CK_RV enumerate(struct token *token, CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE *natives = NULL;
	size_t count = 0;

	TRY(object_find_native(token, session, NULL, 0, &natives, &count));
	CK_RV rv = learn_all(token, session, natives, count);

	free(natives);
	return rv;
}

static CK_RV enumerate_with_own_session(struct token *token)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

	TRY(token_take_session(token, &session));
	CK_RV rv = enumerate(token, session);

	token_put_session(token, session);
	return rv;
}

enum sight { SIGHT_FOUND, SIGHT_HIDDEN, SIGHT_UNKNOWN };

static enum sight look_up(struct token *token, const struct client *client, CK_OBJECT_HANDLE handle,
	struct object_view *view)
{
	struct objects *objects = &token->objects;
	enum sight sight = SIGHT_UNKNOWN;

	(void)pthread_rwlock_rdlock(&objects->lock);
	const struct object *object = object_table_by_handle(objects, handle);

	if (object && !may_see(client, object))
		sight = SIGHT_HIDDEN;
	else if (object && (object->store_id != 0 || object->generation == objects->generation)) {
		*view = view_of(object);
		sight = SIGHT_FOUND;
	} else if (objects->enumerated) {
		sight = SIGHT_HIDDEN; /* nothing more to be seen */
	}
	(void)pthread_rwlock_unlock(&objects->lock);
	return sight;
}

static void map_all_stored(struct token *token)
{
	uint64_t ids[STORE_OBJECTS_MAX];
	struct object_view view;
	size_t count = 0;

	if (!token->store ||
		store_find(token->store, NULL, 0, ids, STORE_OBJECTS_MAX, &count) != CKR_OK)
		return;
	for (size_t i = 0; i < count; i++)
		(void)object_map_stored(token, ids[i], &view);
}

CK_RV object_resolve(struct token *token, const struct client *client, CK_OBJECT_HANDLE handle,
	struct object_view *view)
{
	enum sight sight = look_up(token, client, handle, view);

	if (sight == SIGHT_UNKNOWN) {
		map_all_stored(token);
		TRY(enumerate_with_own_session(token));
		sight = look_up(token, client, handle, view);
	}
	return sight == SIGHT_FOUND ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

static bool copy_known(struct token *token, const struct client *client, CK_OBJECT_HANDLE native,
	struct object_view *view, CK_RV *rv)
{
	(void)pthread_rwlock_rdlock(&token->objects.lock);
	const struct object *object = object_table_by_native(&token->objects, native);

	if (object) {
		*rv = may_see(client, object) ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
		*view = view_of(object);
	}
	(void)pthread_rwlock_unlock(&token->objects.lock);
	return object != NULL;
}

static bool has_stale_alike(struct token *token, const uint8_t *identity)
{
	bool found = false;

	(void)pthread_rwlock_rdlock(&token->objects.lock);
	for (const struct object *at = object_table_by_identity(&token->objects, identity); at;
		at = object_table_next_alike(at))
		found |= at->generation != token->objects.generation;
	(void)pthread_rwlock_unlock(&token->objects.lock);
	return found;
}

static CK_RV learn_one(struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE native)
{
	struct sighting seen = { .native = native };
	struct object *object = NULL;

	TRY(identity_read(token->host->functions, session, native, &seen.identity));
	if (!seen.identity.on_token)
		return CKR_OBJECT_HANDLE_INVALID; /* a session object is registered by its creator
						     only */
	if (has_stale_alike(token, seen.identity.hash))
		return enumerate(token, session);
	(void)pthread_rwlock_wrlock(&token->objects.lock);
	CK_RV rv = learn_locked(token, session, &seen, true, &object);

	(void)pthread_rwlock_unlock(&token->objects.lock);
	return rv;
}

CK_RV object_map(struct token *token, const struct client *client, CK_OBJECT_HANDLE native,
	struct object_view *view)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	CK_RV rv = CKR_OK;

	if (copy_known(token, client, native, view, &rv))
		return rv;
	TRY(token_take_session(token, &session));
	rv = learn_one(token, session, native);
	token_put_session(token, session);
	if (rv != CKR_OK)
		return rv;
	return copy_known(token, client, native, view, &rv) ? rv : CKR_OBJECT_HANDLE_INVALID;
}

static CK_RV register_session_object(
	struct token *token, const struct session *session, const struct sighting *seen)
{
	struct object *object = NULL;

	(void)pthread_rwlock_wrlock(&token->objects.lock);
	CK_RV rv = entry_new(token, seen->native, &seen->identity, false, &object);

	if (rv == CKR_OK)
		rv = object_table_own(&token->objects, object, session);
	if (rv == CKR_DEVICE_MEMORY && object)
		object_table_remove(&token->objects, object);
	(void)pthread_rwlock_unlock(&token->objects.lock);
	return rv;
}

CK_RV object_register(struct token *token, const struct session *session, CK_OBJECT_HANDLE native,
	struct object_view *view)
{
	CK_SESSION_HANDLE looker = CK_INVALID_HANDLE;
	struct sighting seen = { .native = native };

	TRY(token_take_session(token, &looker));
	CK_RV rv = identity_read(token->host->functions, looker, native, &seen.identity);

	token_put_session(token, looker);
	if (rv != CKR_OK)
		return rv;
	if (seen.identity.on_token)
		return object_map(token, session->client, native, view);
	TRY(register_session_object(token, session, &seen));
	(void)copy_known(token, session->client, native, view, &rv);
	return rv;
}

CK_RV object_map_stored(struct token *token, uint64_t store_id, struct object_view *view)
{
	struct identity identity = { .class = CKO_DATA,
		.key_type = CK_UNAVAILABLE_INFORMATION,
		.on_token = true,
		.durable = true };
	CK_ATTRIBUTE class = { CKA_CLASS, &identity.class, sizeof(identity.class) };
	struct object *object = NULL;

	TRY(store_get(token->store, store_id, &class, 1));
	memcpy(identity.hash, "stored", sizeof("stored"));
	memcpy(identity.hash + 8, &store_id, sizeof(store_id));
	(void)pthread_rwlock_wrlock(&token->objects.lock);
	object = object_table_by_identity(&token->objects, identity.hash);
	CK_RV rv = object ? CKR_OK : entry_new(token, CK_INVALID_HANDLE, &identity, true, &object);

	if (rv == CKR_OK) {
		object->store_id = store_id;
		*view = view_of(object);
	}
	(void)pthread_rwlock_unlock(&token->objects.lock);
	return rv;
}
