/* SPDX-License-Identifier: Apache-2.0 */
/* What token hosts say to the front door: every word of it is checked. */
#include "uplink.h"

#include <errno.h>
#include <unistd.h>

#include "briefing.h"
#include "log.h"
#include "supervise.h"

/* Between two looks at the door: a host that talks without end starves nobody. */
enum { UPLINK_BURST_MAX = 1024 };

static void hear_token(struct front *front, size_t index, const struct link_message *message)
{
	if (!slot_list_add(&front->slots, index, message))
		supervise_end(front, index, "it lists more than 256 tokens");
}

static void hear_tokens_end(struct front *front, size_t index, const struct link_message *message)
{
	(void)message;
	slot_list_complete(&front->slots, index);
	briefing_pins(front, index);
	supervise_ready(front, index);
}

static bool has_serial(struct front *front, size_t index, const struct link_message *message)
{
	return message->serial[0] &&
	       slot_find_serial(&front->slots, index, message->serial) != NULL;
}

static bool is_pin_user(const struct link_message *message)
{
	return message->user == CKU_USER || message->user == CKU_SO;
}

static void hear_ticket(struct front *front, size_t index, const struct link_message *message)
{
	const struct caller *client = front_find_client(front, message->client);
	struct link_message bound = *message;

	/* A client that ended meanwhile needs no ticket any more. */
	if (client && is_pin_user(message)) {
		bound.uid = client->peer.uid;
		if (!ticket_box_keep(&front->tickets, index, &bound))
			log_warn("agent: too many logins to remember, this one ends with its token "
				 "host backend=%s",
				front->backends[index].settings->name);
	}
	secret_wipe(&bound.secret);
}

static void hear_ticket_void(struct front *front, size_t index, const struct link_message *message)
{
	ticket_box_void(&front->tickets, index, message->client, message->serial);
}

static void hear_guard(struct front *front, size_t index, const struct link_message *message)
{
	tally_keep(&front->tally, index, message);
}

static void hear_guard_clear(struct front *front, size_t index, const struct link_message *message)
{
	tally_clear(&front->tally, index, message->serial);
}

static void hear_keep_pin(struct front *front, size_t index, const struct link_message *message)
{
	struct link_message pin = { .type = LINK_PIN, .user = message->user };

	if (!is_pin_user(message) || !message->secret.present || message->secret.len == 0 ||
		!has_serial(front, index, message)) {
		log_warn("agent: a PIN to keep was refused, the token is not known backend=%s",
			front->backends[index].settings->name);
		return;
	}
	if (kept_store(&front->kept, message->serial, message->user, &message->secret) != CKR_OK)
		return;
	memcpy(pin.serial, message->serial, sizeof(pin.serial));
	pin.secret = message->secret;
	supervise_send(front, index, &pin);
	secret_wipe(&pin.secret);
	log_info("agent: a PIN is kept serial=%s user=%s", pin.serial,
		message->user == CKU_SO ? "so" : "user");
}

static void hear_forget_pin(struct front *front, size_t index, const struct link_message *message)
{
	struct link_message absent = { .type = LINK_PIN, .user = message->user };

	if (!is_pin_user(message) || !has_serial(front, index, message))
		return;
	memcpy(absent.serial, message->serial, sizeof(absent.serial));
	(void)kept_forget(&front->kept, message->serial, message->user);
	supervise_send(front, index, &absent);
	if (kept_has(&front->kept, front->settings, message->serial, message->user))
		log_warn("agent: a PIN is forgotten until the next start only, agent.conf names a "
			 "file for it serial=%s",
			message->serial);
}

/* The place of an alias of this slot id: its former one, a free one, or that of the oldest. */
static struct caller_alias *alias_place(struct caller *client, CK_SLOT_ID slot)
{
	for (size_t i = 0; i < client->alias_count; i++)
		if (client->aliases[i].slot == slot)
			return &client->aliases[i];
	if (client->alias_count < CALLER_ALIASES_MAX)
		return &client->aliases[client->alias_count++];
	memmove(client->aliases, client->aliases + 1,
		(CALLER_ALIASES_MAX - 1) * sizeof(client->aliases[0]));
	return &client->aliases[CALLER_ALIASES_MAX - 1];
}

static void hear_alias(struct front *front, size_t index, const struct link_message *message)
{
	struct caller *client = front_find_client(front, message->client);
	size_t backend = 0;
	const char *serial = NULL;

	if (!client || !message->serial[0])
		return;
	(void)front_resolve_slot(front, client, message->slot, &backend, &serial);
	/* A token that was initialised again is in its own slot still. */
	if (!serial || backend != index || strcmp(serial, message->serial) == 0)
		return;
	struct caller_alias *alias = alias_place(client, message->slot);

	*alias = (struct caller_alias){ .slot = message->slot, .backend = index };
	memcpy(alias->serial, message->serial, sizeof(alias->serial));
}

static void hear_restart(struct front *front, size_t index, const struct link_message *message)
{
	(void)message;
	front->backends[index].restart_wanted = true;
	front->backends[index].next_ms = wire_now_ms() + SUPERVISE_GRACE_MS;
}

static bool hear(struct front *front, size_t index, const struct link_message *message)
{
	static const struct {
		enum link_type type;
		void (*hear)(struct front *, size_t, const struct link_message *);
	} table[] = { { LINK_TOKEN, hear_token }, { LINK_TOKENS_END, hear_tokens_end },
		{ LINK_TICKET, hear_ticket }, { LINK_TICKET_VOID, hear_ticket_void },
		{ LINK_GUARD, hear_guard }, { LINK_GUARD_CLEAR, hear_guard_clear },
		{ LINK_KEEP_PIN, hear_keep_pin }, { LINK_FORGET_PIN, hear_forget_pin },
		{ LINK_ALIAS, hear_alias }, { LINK_RESTART, hear_restart } };

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].type == message->type) {
			table[i].hear(front, index, message);
			return true;
		}
	}
	return false;
}

static const char *fault(void)
{
	return errno == EBADMSG ? "it sent a malformed message" : NULL;
}

void uplink_drain(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];
	struct link_message message;
	int fd;

	for (size_t i = 0; i < UPLINK_BURST_MAX && backend->link >= 0; i++) {
		if (!link_receive(backend->link, &message, &fd)) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				supervise_end(front, index, fault());
			return;
		}
		bool sound = fd < 0 && hear(front, index, &message);

		if (fd >= 0)
			(void)close(fd);
		secret_wipe(&message.secret);
		if (!sound)
			supervise_end(front, index, "it sent a message that is not its to send");
	}
}
