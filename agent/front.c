/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the whole of the front door that several of its parts ask. */
#include "front.h"

#include "log.h"

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

struct token_name front_token_name(struct front *front, size_t backend, const char *serial)
{
	const struct slot *slot = slot_find_serial(&front->slots, backend, serial);

	return (struct token_name){ front->slots.names[backend], serial,
		slot ? slot->label : NULL };
}

struct rights front_rights(
	struct front *front, const struct peer *peer, const struct token_name *token)
{
	struct rights rights = rights_of(front->settings, peer, token);

	if (!(rights.allow & IOTHSM_RIGHT_USE) ||
		!rights_use_kept_pin(front->settings, peer, token))
		return rights;
	if (kept_has(&front->kept, front->settings, token, CKU_USER))
		rights.allow |= IOTHSM_RIGHT_KEPT_PIN;
	if ((rights.allow & IOTHSM_RIGHT_SO) &&
		kept_has(&front->kept, front->settings, token, CKU_SO))
		rights.allow |= IOTHSM_RIGHT_KEPT_SO_PIN;
	return rights;
}

void front_log_refusal(struct front *front, const struct peer *peer, const char *serial,
	const char *function, const char *right)
{
	unsigned long kept_back = 0;

	if (!throttle_admit(&front->refusals, peer->uid, wire_now_ms(), &kept_back))
		return;
	log_warn("rights: refused uid=%u gid=%u pid=%d serial=%s function=%s; to allow it, let the "
		 "rights section for this user and token have '%s' in 'allow' kept_back=%lu",
		(unsigned)peer->uid, (unsigned)peer->gid, (int)peer->pid, serial, function, right,
		kept_back);
}
