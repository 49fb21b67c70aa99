/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the whole of the front door that several of its parts ask. */
#include "front.h"

struct caller *front_find_client(struct front *front, const uint8_t client[WIRE_CLIENT_ID_LEN])
{
	for (size_t i = 0; i < front->caller_count; i++) {
		struct caller *caller = front->callers[i];

		if (caller->state == CALLER_CONTROL && !caller->finished &&
			memcmp(caller->client, client, WIRE_CLIENT_ID_LEN) == 0)
			return caller;
	}
	return NULL;
}

static const struct caller_alias *find_alias(const struct caller *client, CK_SLOT_ID id)
{
	for (size_t i = 0; i < client->alias_count; i++)
		if (client->aliases[i].slot == id)
			return &client->aliases[i];
	return NULL;
}

static bool alias_means(
	const struct caller_alias *alias, const struct front *front, const struct slot *slot)
{
	const struct slot_list *list = &front->slots.lists[alias->backend];

	return slot >= list->items && slot < list->items + list->count &&
	       strcmp(alias->serial, slot->serial) == 0;
}

CK_SLOT_ID front_slot_id(struct front *front, const struct caller *client, const struct slot *slot)
{
	const struct caller_alias *alias = find_alias(client, slot->id);
	CK_SLOT_ID id = slot->id;
	size_t backend = 0;

	if (!alias || alias_means(alias, front, slot))
		return id;
	while (find_alias(client, id) || slot_find(&front->slots, id, &backend))
		id = slot_next_id(id);
	return id;
}

/* A slot whose own id this client knows as another token's: only uninitialised ones can be. */
static struct slot *find_displaced(
	struct front *front, const struct caller *client, CK_SLOT_ID id, size_t *backend)
{
	for (size_t i = 0; client->alias_count > 0 && i < front->slots.count; i++) {
		struct slot *slot = slot_find_serial(&front->slots, i, "");

		if (!slot || front_slot_id(front, client, slot) != id)
			continue;
		*backend = i;
		return slot;
	}
	return NULL;
}

struct slot *front_resolve_slot(struct front *front, const struct caller *client, CK_SLOT_ID id,
	size_t *backend, const char **serial)
{
	const struct caller_alias *alias = find_alias(client, id);

	if (alias) {
		*backend = alias->backend;
		*serial = alias->serial;
		return slot_find_serial(&front->slots, alias->backend, alias->serial);
	}
	struct slot *slot = slot_find(&front->slots, id, backend);

	if (!slot)
		slot = find_displaced(front, client, id, backend);
	if (slot)
		*serial = slot->serial;
	return slot;
}

CK_FLAGS front_rights(struct front *front, const struct peer *peer, const char *serial)
{
	CK_FLAGS rights = rights_of(front->settings, peer, serial);

	if (!(rights & IOTHSM_RIGHT_USE) || !rights_use_kept_pin(front->settings, peer, serial))
		return rights;
	if (kept_has(&front->kept, front->settings, serial, CKU_USER))
		rights |= IOTHSM_RIGHT_KEPT_PIN;
	if ((rights & IOTHSM_RIGHT_SO) && kept_has(&front->kept, front->settings, serial, CKU_SO))
		rights |= IOTHSM_RIGHT_KEPT_SO_PIN;
	return rights;
}
