/* SPDX-License-Identifier: Apache-2.0 */
/* The state of agent, backends, tokens and clients as JSON. */
#include "report.h"

#include <unistd.h>

#include "cleanup.h"
#include "log.h"

/* What a token calls itself need not be UTF-8; then it is shown escaped. */
static json_t *outside_text(const char *text)
{
	struct log_quoted quoted;
	json_t *value = json_string(text);

	return value ? value : json_string(log_quote(&quoted, bytes_of_text(text)));
}

static json_t *report_backend(const struct backend *backend)
{
	static const char *const states[] = { [BACKEND_DOWN] = "down",
		[BACKEND_STARTING] = "starting",
		[BACKEND_READY] = "ready",
		[BACKEND_ENDING] = "ending",
		[BACKEND_FAILED] = "failed" };

	return json_pack("{s:o, s:s, s:s, s:i, s:i, s:o}", "name",
		outside_text(backend->settings->name), "type", backend->settings->type, "state",
		states[backend->state], "pid", (int)backend->host.pid, "restarts",
		(int)backend->restarts, "record",
		outside_text(backend->record_fault[0] ? backend->record_fault : "ok"));
}

static json_t *report_token(
	struct front *front, const struct caller *client, size_t index, const struct slot *slot)
{
	const struct token_name token = front_token_name(front, index, slot->serial);
	bool present = front->backends[index].state == BACKEND_READY &&
		       (slot->info.flags & CKF_TOKEN_PRESENT) != 0;

	return json_pack("{s:I, s:o, s:o, s:o, s:I, s:b, s:b, s:b}", "slot",
		(json_int_t)front_slot_id(front, client, slot), "backend",
		outside_text(front->backends[index].settings->name), "serial",
		outside_text(slot->serial), "label", outside_text(slot->label), "flags",
		(json_int_t)slot->flags, "present", present, "kept_pin",
		kept_has(&front->kept, front->settings, &token, CKU_USER), "kept_so_pin",
		kept_has(&front->kept, front->settings, &token, CKU_SO));
}

static json_t *report_tokens(struct front *front, const struct caller *client)
{
	json_t *tokens = json_array();

	for (size_t i = 0; i < front->slots.count; i++) {
		const struct slot_list *list = &front->slots.lists[i];

		for (size_t k = 0; k < list->count; k++)
			if (list->items[k].listed)
				(void)json_array_append_new(
					tokens, report_token(front, client, i, &list->items[k]));
	}
	return tokens;
}

static json_t *report_clients(const struct front *front)
{
	json_t *clients = json_array();

	for (size_t i = 0; i < front->caller_count; i++) {
		const struct caller *caller = front->callers[i];

		if (caller->state == CALLER_CONTROL)
			(void)json_array_append_new(clients,
				json_pack("{s:I, s:I}", "uid", (json_int_t)caller->peer.uid, "pid",
					(json_int_t)caller->peer.pid));
	}
	return clients;
}

char *report_status(struct front *front, const struct caller *client)
{
	CLEANUP(json) json_t *backends = json_array();

	for (size_t i = 0; i < front->backend_count; i++)
		(void)json_array_append_new(backends, report_backend(&front->backends[i]));
	CLEANUP(json)
	json_t *status = json_pack("{s:s, s:i, s:o, s:O, s:o, s:o}", "version", IOTHSM_VERSION,
		"pid", (int)getpid(), "socket", outside_text(front->settings->socket), "backends",
		backends, "tokens", report_tokens(front, client), "clients", report_clients(front));

	return status ? json_dumps(status, JSON_COMPACT) : NULL;
}
