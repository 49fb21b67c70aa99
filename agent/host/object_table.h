/* SPDX-License-Identifier: Apache-2.0 */
/* The entries behind object handles, found by handle, by native handle and by identity. */
#ifndef IOTHSM_OBJECT_TABLE_H
#define IOTHSM_OBJECT_TABLE_H

#include "object.h"

struct object {
	struct object *next_by_handle, *next_by_native, *next_by_identity;
	CK_OBJECT_HANDLE handle;
	CK_OBJECT_HANDLE native; /* valid in its generation only; CK_INVALID_HANDLE: of the store */
	unsigned generation;
	struct identity identity;
	uint64_t store_id;
	struct client *owner;          /* of a session object */
	const struct session *session; /* whose end is its end */
};

/* All of these need objects->lock held, for writing where the table changes. */
CK_RV object_table_add(struct objects *objects, struct object *object);
/* A session object gets its owner; CKR_DEVICE_MEMORY when there are too many. */
CK_RV object_table_own(
	struct objects *objects, struct object *object, const struct session *session);
void object_table_remove(struct objects *objects, struct object *object);
struct object *object_table_by_handle(const struct objects *objects, CK_OBJECT_HANDLE handle);
struct object *object_table_by_native(const struct objects *objects, CK_OBJECT_HANDLE native);
struct object *object_table_by_identity(const struct objects *objects, const uint8_t *identity);
struct object *object_table_next_alike(const struct object *object);
void object_table_set_native(
	struct objects *objects, struct object *object, CK_OBJECT_HANDLE native);

/* Forgets token objects whose native handles are of an older generation. */
void object_table_drop_stale(struct objects *objects);

/* All that match a template, read to the end; freed by the caller. */
CK_RV object_find_native(struct token *token, CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes,
	CK_ULONG count, CK_OBJECT_HANDLE **natives, size_t *found);

#endif
