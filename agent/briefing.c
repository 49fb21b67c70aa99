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
	bool kept = kept_has(&front->kept, front->settings, serial, user) &&
		    kept_read(&front->kept, front->settings, serial, user, &message.secret);

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

static void send_text(struct front *front, size_t index, enum link_type type, const char *text)
{
	struct backend *backend = &front->backends[index];
	struct link_message message = { .type = type, .number = backend->settings->serial };

	(void)snprintf(message.backend, sizeof(message.backend), "%s", backend->settings->name);
	(void)snprintf(message.text, sizeof(message.text), "%s", text);
	memcpy(message.key, front->handle_key, sizeof(message.key));
	supervise_send(front, index, &message);
	explicit_bzero(&message, sizeof(message));
}

void briefing_give(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];
	struct link_message message = { .type = LINK_START };
	char store[PATH_MAX];
	size_t position = 0;

	(void)snprintf(store, sizeof(store), "%s/objects", front->settings->state);
	send_text(front, index, LINK_CONFIG, backend->settings->module);
	send_text(front, index, LINK_STORE, store);
	briefing_pins(front, index);
	if (!backend->withheld)
		briefing_tickets(front, index);
	while (tally_next(&front->tally, index, &position, &message))
		supervise_send(front, index, &message);
	message = (struct link_message){ .type = LINK_START };
	supervise_send(front, index, &message);
}
