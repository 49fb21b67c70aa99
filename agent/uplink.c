/* SPDX-License-Identifier: Apache-2.0 */
/* What token hosts say to the front door: every word of it is checked. */
#include "uplink.h"

#include <errno.h>
#include <unistd.h>

#include "briefing.h"
#include "log.h"
#include "supervise.h"
#include "takeover.h"

/* Between two looks at the door: a host that talks without end starves nobody. */
enum { UPLINK_BURST_MAX = 1024 };

static void hear_token(struct front *front, size_t index, const struct link_message *message)
{
	/* A second host may have looked too early to see what this one has made meanwhile. */
	takeover_repeat(front, index);
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
	const struct token_name token = front_token_name(front, index, message->serial);

	if (!is_pin_user(message) || !message->secret.present || message->secret.len == 0 ||
		!has_serial(front, index, message)) {
		log_warn("agent: a PIN to keep was refused, the token is not known backend=%s",
			front->backends[index].settings->name);
		return;
	}
	if (kept_store(&front->kept, &token, message->user, &message->secret) != CKR_OK)
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
	const struct token_name token = front_token_name(front, index, message->serial);

	if (!is_pin_user(message) || !has_serial(front, index, message))
		return;
	memcpy(absent.serial, message->serial, sizeof(absent.serial));
	(void)kept_forget(&front->kept, &token, message->user);
	supervise_send(front, index, &absent);
	if (kept_has(&front->kept, front->settings, &token, message->user))
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

static void hear_pong(struct front *front, size_t index, const struct link_message *message)
{
	(void)message;
	supervise_hear_pong(front, index);
}

static void hear_restart(struct front *front, size_t index, const struct link_message *message)
{
	(void)message;
	takeover_want(front, index);
}

static void hear_new_token(struct front *front, size_t index, const struct link_message *message)
{
	if (!slot_list_add(&front->slots, index, message))
		takeover_end_second(front, index, "it lists more than 256 tokens");
}

static void hear_new_tokens_end(
	struct front *front, size_t index, const struct link_message *message)
{
	(void)message;
	takeover_complete(front, index);
}

static void hear_stay(struct front *front, size_t index, const struct link_message *message)
{
	takeover_stay(&front->backends[index], message);
}

static void hear_stays_end(struct front *front, size_t index, const struct link_message *message)
{
	(void)message;
	front->backends[index].parting = false;
}

static void hear_moved(struct front *front, size_t index, const struct link_message *message)
{
	takeover_moved(&front->backends[index], message);
}

/* Clients that stay with the old host are to find the same in the one that took over. */
static void hear_old_ticket(struct front *front, size_t index, const struct link_message *message)
{
	hear_ticket(front, index, message);
	if (front_find_client(front, message->client) && is_pin_user(message))
		supervise_send(front, index, message);
}

static void hear_old_void(struct front *front, size_t index, const struct link_message *message)
{
	hear_ticket_void(front, index, message);
	supervise_send(front, index, message);
}

static void hear_old_guard(struct front *front, size_t index, const struct link_message *message)
{
	hear_guard(front, index, message);
	supervise_send(front, index, message);
}

/* All is well again when the token that raised the alarm says so. */
static void hear_record(struct front *front, size_t index, const struct link_message *message)
{
	struct backend *backend = &front->backends[index];

	if (!message->text[0] && strcmp(message->serial, backend->record_serial) != 0)
		return;
	memcpy(backend->record_fault, message->text, sizeof(backend->record_fault));
	memcpy(backend->record_serial, message->serial, sizeof(backend->record_serial));
}

/* Which process of a backend is heard. */
enum sender { FROM_FIRST = 1 << 0, FROM_NEW = 1 << 1, FROM_OLD = 1 << 2 };

static enum sender sender_of(const struct backend *backend, const struct process *process)
{
	if (process == &backend->host)
		return FROM_FIRST;
	return backend->role == SECOND_STARTING ? FROM_NEW : FROM_OLD;
}

/* What is said at another's turn was right a moment ago, and is not heard. */
static bool hear(
	struct front *front, size_t index, enum sender sender, const struct link_message *message)
{
	static const struct {
		enum link_type type;
		unsigned from;
		void (*hear)(struct front *, size_t, const struct link_message *);
	} table[] = {
		{ LINK_TOKEN, FROM_FIRST, hear_token },
		{ LINK_TOKEN, FROM_NEW, hear_new_token },
		{ LINK_TOKENS_END, FROM_FIRST, hear_tokens_end },
		{ LINK_TOKENS_END, FROM_NEW, hear_new_tokens_end },
		{ LINK_TICKET, FROM_FIRST, hear_ticket },
		{ LINK_TICKET, FROM_OLD, hear_old_ticket },
		{ LINK_TICKET_VOID, FROM_FIRST, hear_ticket_void },
		{ LINK_TICKET_VOID, FROM_OLD, hear_old_void },
		{ LINK_GUARD, FROM_FIRST, hear_guard },
		{ LINK_GUARD, FROM_OLD, hear_old_guard },
		{ LINK_GUARD_CLEAR, FROM_FIRST | FROM_OLD, hear_guard_clear },
		{ LINK_KEEP_PIN, FROM_FIRST | FROM_OLD, hear_keep_pin },
		{ LINK_FORGET_PIN, FROM_FIRST | FROM_OLD, hear_forget_pin },
		{ LINK_RECORD, FROM_FIRST | FROM_OLD, hear_record },
		{ LINK_ALIAS, FROM_FIRST | FROM_OLD, hear_alias },
		{ LINK_PONG, FROM_FIRST, hear_pong },
		{ LINK_PONG, FROM_FIRST, hear_pong },
		{ LINK_RESTART, FROM_FIRST, hear_restart },
		{ LINK_STAY, FROM_OLD, hear_stay },
		{ LINK_STAYS_END, FROM_OLD, hear_stays_end },
		{ LINK_MOVED, FROM_OLD, hear_moved },
	};
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		known = known || table[i].type == message->type;
		if (table[i].type != message->type || !(table[i].from & sender))
			continue;
		table[i].hear(front, index, message);
		return true;
	}
	return known;
}

static const char *fault(void)
{
	return errno == EBADMSG ? "it sent a malformed message" : NULL;
}

static void end_sender(struct front *front, size_t index, enum sender sender, const char *reason)
{
	if (sender == FROM_FIRST)
		supervise_end(front, index, reason);
	else
		takeover_end_second(front, index, reason);
}

/* False: nothing more to hear from this process now. */
static bool drain_one(struct front *front, size_t index, struct process *process)
{
	enum sender sender = sender_of(&front->backends[index], process);
	struct link_message message;
	int fd;

	if (!link_receive(process->link, &message, &fd)) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			end_sender(front, index, sender, fault());
		return false;
	}
	bool sound = fd < 0 && hear(front, index, sender, &message);

	if (fd >= 0)
		(void)close(fd);
	secret_wipe(&message.secret);
	if (!sound)
		end_sender(front, index, sender, "it sent a message that is not its to send");
	return sound;
}

static void drain(struct front *front, size_t index, struct process *process)
{
	pid_t pid = process->pid;

	/* After a takeover the other process stands in its place. */
	for (size_t i = 0; i < UPLINK_BURST_MAX && process->link >= 0 && process->pid == pid; i++)
		if (!drain_one(front, index, process))
			return;
}

void uplink_drain(struct front *front, size_t index)
{
	drain(front, index, &front->backends[index].second);
	drain(front, index, &front->backends[index].host);
}
