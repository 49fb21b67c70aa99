/* SPDX-License-Identifier: Apache-2.0 */
/* What a token host is told: its configuration, and the secrets that outlived its predecessor. */
#include "briefing.h"

#include <stdio.h>

#include "supervise.h"

/* absent_too: also says that there is none (any more). */
static void send_pin(
	struct front *front, size_t index, const char *serial, CK_USER_TYPE user, bool absent_too)
{
	struct link_message message = { .type = LINK_PIN, .user = user };
	struct token_name token = front_token_name(front, index, serial);
	bool kept = kept_has(&front->kept, front->settings, &token, user) &&
		    kept_read(&front->kept, front->settings, &token, user, &message.secret);

	memcpy(message.serial, serial, strlen(serial) + 1);
	if (kept || absent_too)
		supervise_send(front, index, &message);
	secret_wipe(&message.secret);
}

void briefing_pins(struct front *front, size_t index)
{
	struct slot_list *list = &front->slots.lists[index];

	for (size_t i = 0; !front->backends[index].withheld && i < list->count; i++) {
		if (!list->items[i].serial[0] || list->items[i].pins_sent)
			continue;
		list->items[i].pins_sent = true;
		send_pin(front, index, list->items[i].serial, CKU_USER, false);
		send_pin(front, index, list->items[i].serial, CKU_SO, false);
	}
}

void briefing_renew_pins(struct front *front)
{
	for (size_t i = 0; i < front->backend_count; i++) {
		struct slot_list *list = &front->slots.lists[i];

		for (size_t k = 0; k < list->count; k++) {
			if (!list->items[k].pins_sent)
				continue;
			send_pin(front, i, list->items[k].serial, CKU_USER, true);
			send_pin(front, i, list->items[k].serial, CKU_SO, true);
		}
	}
}

void briefing_tickets(struct front *front, size_t index)
{
	struct link_message message;
	size_t position = 0;

	while (ticket_box_next(&front->tickets, index, &position, &message)) {
		supervise_send(front, index, &message);
		secret_wipe(&message.secret);
	}
}

static bool send_text(struct front *front, size_t index, struct process *process,
	enum link_type type, const char *text)
{
	struct backend *backend = &front->backends[index];
	struct link_message message = { .type = type,
		.number = backend->settings->serial,
		.busy_poll_us = backend->settings->busy_poll_us,
		.memory = backend->settings->memory,
		.time_ms = backend->settings->call_ms };

	(void)snprintf(message.backend, sizeof(message.backend), "%s", backend->settings->name);
	(void)snprintf(message.text, sizeof(message.text), "%s", text);
	memcpy(message.key, front->handle_key, sizeof(message.key));
	bool sent = process_send(process, &message);

	explicit_bzero(&message, sizeof(message));
	return sent;
}

/* What agent.conf says of one token, when the token is (or may be) one of this backend. */
static bool send_record_rule(struct front *front, size_t index, struct process *process,
	const struct settings_token *token)
{
	struct link_message message = { .type = LINK_RECORD, .number = token->record };
	const char *name = front->backends[index].settings->name;

	if (!token->has_record || (token->backend && strcmp(token->backend, name) != 0))
		return true;
	(void)snprintf(message.serial, sizeof(message.serial), "%s", token->serial);
	return process_send(process, &message);
}

static bool send_record(struct front *front, size_t index, struct process *process)
{
	const struct settings *settings = front->settings;
	struct link_message message = { .type = LINK_RECORD,
		.number = front->backends[index].settings->record };
	bool sent;

	(void)snprintf(message.text, sizeof(message.text), "%s/audit", settings->state);
	sent = process_send(process, &message);
	for (size_t i = 0; sent && i < settings->token_count; i++)
		sent = send_record_rule(front, index, process, &settings->tokens[i]);
	return sent;
}

static bool send_policy(const struct front *front, struct process *process)
{
	struct link_message message = { .type = LINK_POLICY, .number = LINK_POLICY_FILE };

	(void)snprintf(message.text, sizeof(message.text), "%s", front->settings->policy);
	if (!process_send(process, &message))
		return false;
	message.number = LINK_POLICY_DIRECTORY;
	(void)snprintf(message.text, sizeof(message.text), "%s/policy.d", front->settings->state);
	return process_send(process, &message);
}

bool briefing_begin(struct front *front, size_t index, struct process *process)
{
	const struct settings_backend *settings = front->backends[index].settings;
	char store[PATH_MAX];

	(void)snprintf(store, sizeof(store), "%s/objects", front->settings->state);
	return send_text(front, index, process, LINK_CONFIG, settings->module) &&
	       send_text(front, index, process, LINK_STORE, store) &&
	       send_record(front, index, process) && send_policy(front, process) &&
	       send_text(front, index, process, LINK_WATCH, settings->watch);
}

void briefing_guards(struct front *front, size_t index)
{
	struct link_message message;
	size_t position = 0;

	while (tally_next(&front->tally, index, &position, &message))
		supervise_send(front, index, &message);
}

void briefing_give(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];
	const struct link_message start = { .type = LINK_START };

	if (!briefing_begin(front, index, &backend->host)) {
		supervise_end(front, index, "it does not read its link");
		return;
	}
	briefing_pins(front, index);
	if (!backend->withheld)
		briefing_tickets(front, index);
	briefing_guards(front, index);
	supervise_send(front, index, &start);
}
