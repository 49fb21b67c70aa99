/* SPDX-License-Identifier: Apache-2.0 */
/* Which slots exist: one for every token that a backend lists, with an id that outlives restarts.
 */
#include "slot_table.h"

#include <stdlib.h>

enum { SLOT_ID_MAX = 0x7fffffff }; /* programs keep slot ids in an int */

CK_RV slot_add_backend(struct slot_table *table, const char *name)
{
	struct slot_list *list = &table->lists[table->count];

	if (table->count == SETTINGS_BACKENDS_MAX)
		return CKR_HOST_MEMORY;
	list->items = calloc(SLOT_TOKENS_MAX, sizeof(*list->items));
	list->incoming = calloc(SLOT_TOKENS_MAX, sizeof(*list->incoming));
	if (!list->items || !list->incoming) {
		free(list->items);
		free(list->incoming);
		*list = (struct slot_list){ 0 };
		return CKR_HOST_MEMORY;
	}
	table->names[table->count++] = name;
	return CKR_OK;
}

void slot_table_reset(struct slot_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		free(table->lists[i].items);
		free(table->lists[i].incoming);
	}
	*table = (struct slot_table){ 0 };
}

/* FNV-1a: short, and the same in every run and on every machine. */
static uint64_t hash_bytes(uint64_t hash, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3U;
	return hash;
}

static CK_SLOT_ID preferred_id(const char *backend, const char *serial)
{
	uint64_t hash = hash_bytes(0xcbf29ce484222325U, backend, strlen(backend) + 1);

	hash = hash_bytes(hash, serial, strlen(serial));
	CK_SLOT_ID id = (hash ^ hash >> 32) & SLOT_ID_MAX;

	return id == 0 ? 1 : id;
}

CK_SLOT_ID slot_next_id(CK_SLOT_ID id)
{
	return id >= SLOT_ID_MAX ? 1 : id + 1;
}

struct slot *slot_find(struct slot_table *table, CK_SLOT_ID id, size_t *backend)
{
	for (size_t i = 0; i < table->count; i++) {
		for (size_t k = 0; k < table->lists[i].count; k++) {
			if (table->lists[i].items[k].id != id)
				continue;
			*backend = i;
			return &table->lists[i].items[k];
		}
	}
	return NULL;
}

static struct slot *find_serial(struct slot *slots, size_t count, const char *serial)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(slots[i].serial, serial) == 0)
			return &slots[i];
	return NULL;
}

struct slot *slot_find_serial(struct slot_table *table, size_t backend, const char *serial)
{
	return find_serial(table->lists[backend].items, table->lists[backend].count, serial);
}

/* Ids of the list that is arriving count too: two new tokens may hash alike. */
static CK_SLOT_ID free_id(struct slot_table *table, size_t backend, const char *serial)
{
	const struct slot_list *list = &table->lists[backend];
	CK_SLOT_ID id = preferred_id(table->names[backend], serial);
	size_t other = 0;

	while (true) {
		bool taken = slot_find(table, id, &other) != NULL;

		for (size_t i = 0; i < list->incoming_count; i++)
			taken = taken || list->incoming[i].id == id;
		if (!taken)
			return id;
		id = slot_next_id(id);
	}
}

bool slot_list_add(struct slot_table *table, size_t backend, const struct link_message *token)
{
	struct slot_list *list = &table->lists[backend];

	if (list->incoming_count == SLOT_TOKENS_MAX)
		return false;
	struct slot *same = find_serial(list->incoming, list->incoming_count, token->serial);

	/* Several uninitialised or empty slots of a backend share one: the first with a token. */
	if (same && !(same->info.flags & CKF_TOKEN_PRESENT)) {
		same->info = token->slot_info;
		same->flags = token->flags;
		memcpy(same->label, token->label, sizeof(same->label));
	}
	if (same)
		return true;
	const struct slot *known = slot_find_serial(table, backend, token->serial);
	struct slot slot = { .id = known ? known->id : free_id(table, backend, token->serial),
		.info = token->slot_info,
		.flags = token->flags,
		.listed = true,
		.pins_sent = known && known->pins_sent,
		.present = known && known->present,
		.changed = known ? known->changed : 0 };

	memcpy(slot.serial, token->serial, sizeof(slot.serial));
	memcpy(slot.label, token->label, sizeof(slot.label));
	list->incoming[list->incoming_count++] = slot;
	return true;
}

void slot_list_complete(struct slot_table *table, size_t backend)
{
	struct slot_list *list = &table->lists[backend];

	/* Who left keeps its id, behind those that are there; a removable one is still shown. */
	for (size_t i = 0; i < list->count && list->incoming_count < SLOT_TOKENS_MAX; i++) {
		struct slot gone = list->items[i];

		if (find_serial(list->incoming, list->incoming_count, gone.serial))
			continue;
		gone.listed = gone.listed && (gone.info.flags & CKF_REMOVABLE_DEVICE) != 0;
		gone.info.flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
		list->incoming[list->incoming_count++] = gone;
	}
	struct slot *former = list->items;

	list->items = list->incoming;
	list->count = list->incoming_count;
	list->incoming = former;
	list->incoming_count = 0;
}

void slot_list_abandon(struct slot_table *table, size_t backend)
{
	table->lists[backend].incoming_count = 0;
	for (size_t i = 0; i < table->lists[backend].count; i++)
		table->lists[backend].items[i].pins_sent = false;
}
