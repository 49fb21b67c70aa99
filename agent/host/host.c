/* SPDX-License-Identifier: Apache-2.0 */
/* One token host: its tokens, and what it says to the front door. */
#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "client.h"
#include "connection.h"
#include "log.h"
#include "police_book.h"

enum { PENDING_MAX = 8192 };

struct pending {
	struct pending *next;
	struct link_message message;
};

void host_init(struct host *host, CK_FUNCTION_LIST *functions, int link)
{
	pthread_mutexattr_t recursive;
	pthread_condattr_t monotonic;

	*host = (struct host){ .functions = functions,
		.link = link,
		.call_ms = CONNECTION_CALL_MS,
		.memory.limit = HOST_MEMORY_BYTES };
	(void)pthread_mutex_init(&host->lock, NULL);
	(void)pthread_mutex_init(&host->listing, NULL);
	(void)pthread_mutex_init(&host->making, NULL);
	lookout_init(&host->lookout);
	throttle_init(&host->refusals);
	throttle_init(&host->policy_refusals);
	host->police_book = police_book_new();
	throttle_init(&host->complaints);
	(void)pthread_mutexattr_init(&recursive);
	(void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	(void)pthread_mutex_init(&host->library_lock, &recursive);
	(void)pthread_mutexattr_destroy(&recursive);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&host->ended, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
}

static void pending_free(struct pending *pending)
{
	secret_wipe(&pending->message.secret);
	(void)munlock(pending, sizeof(*pending));
	free(pending);
}

void host_reset(struct host *host)
{
	for (size_t i = 0; i < host->token_count; i++)
		token_free(host->tokens[i]);
	while (host->pending) {
		struct pending *pending = host->pending;

		host->pending = pending->next;
		pending_free(pending);
	}
	(void)pthread_cond_destroy(&host->ended);
	(void)pthread_mutex_destroy(&host->lock);
	(void)pthread_mutex_destroy(&host->listing);
	(void)pthread_mutex_destroy(&host->making);
	lookout_close(&host->lookout);
	free(host->known);
	police_book_free(host->police_book);
	throttle_reset(&host->refusals);
	throttle_reset(&host->policy_refusals);
	throttle_reset(&host->complaints);
	(void)pthread_mutex_destroy(&host->library_lock);
	explicit_bzero(host, sizeof(*host));
}

void host_tell(struct host *host, const struct link_message *message)
{
	if (!link_send(host->link, message, -1))
		log_warn("host: the front does not take a message type=%d errno=%d", message->type,
			errno);
}

static struct token *find_token_locked(struct host *host, const char *serial)
{
	for (size_t i = 0; i < host->token_count; i++)
		if (host->tokens[i]->present && strcmp(host->tokens[i]->facts.serial, serial) == 0)
			return host->tokens[i];
	return NULL;
}

struct token *host_find_token(struct host *host, const char *serial)
{
	(void)pthread_mutex_lock(&host->lock);
	struct token *token = find_token_locked(host, serial);

	(void)pthread_mutex_unlock(&host->lock);
	return token;
}

/* All zero: those of every client. */
static void void_tickets(struct token *token, const uint8_t client[WIRE_CLIENT_ID_LEN])
{
	static const uint8_t every[WIRE_CLIENT_ID_LEN];

	ticket_forget(
		&token->tickets, memcmp(client, every, WIRE_CLIENT_ID_LEN) == 0 ? NULL : client);
}

static void apply(struct token *token, const struct link_message *message)
{
	struct bytes pin = secret_bytes(&message->secret);

	switch (message->type) {
	case LINK_PIN:
		if (!message->secret.present)
			pin = bytes_of(NULL, 0);
		pins_set_kept(token->pins, message->user, pin);
		break;
	case LINK_TICKET:
		if (ticket_keep(&token->tickets, message) != CKR_OK)
			log_warn("host: a ticket is lost, there are too many serial=%s",
				message->serial);
		break;
	case LINK_TICKET_VOID: void_tickets(token, message->client); break;
	case LINK_GUARD:
		guard_restore(&token->guard, (struct guard_entry){ message->uid,
						     (unsigned)message->number, message->time_ms });
		break;
	default: break;
	}
}

static bool keep_pending_locked(struct host *host, const struct link_message *message)
{
	struct pending **end = &host->pending;
	size_t count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	struct pending *pending = count < PENDING_MAX ? calloc(1, sizeof(*pending)) : NULL;

	if (!pending)
		return false;
	(void)mlock(pending, sizeof(*pending));
	pending->message = *message;
	*end = pending;
	return true;
}

void host_remember(struct host *host, const struct link_message *message)
{
	bool kept = true;

	(void)pthread_mutex_lock(&host->lock);
	struct token *token = find_token_locked(host, message->serial);

	if (token && message->serial[0] != '\0')
		apply(token, message);
	else
		kept = keep_pending_locked(host, message);
	(void)pthread_mutex_unlock(&host->lock);
	if (!kept)
		log_error(
			"host: a PIN or ticket is lost, out of memory serial=%s", message->serial);
}

static void apply_pending_locked(struct host *host)
{
	struct pending **at = &host->pending;

	while (*at) {
		struct pending *pending = *at;
		struct token *token = find_token_locked(host, pending->message.serial);

		if (!token || pending->message.serial[0] == '\0') {
			at = &pending->next;
			continue;
		}
		apply(token, &pending->message);
		*at = pending->next;
		pending_free(pending);
	}
}

static struct token *token_of_slot_locked(struct host *host, CK_SLOT_ID slot)
{
	for (size_t i = 0; i < host->token_count; i++)
		if (host->tokens[i]->slot == slot)
			return host->tokens[i];
	if (host->token_count == HOST_TOKENS_MAX)
		return NULL;
	struct token *token = token_new(host, slot);

	if (token)
		host->tokens[host->token_count++] = token;
	return token;
}

static CK_RV read_slots(CK_FUNCTION_LIST *functions, CK_SLOT_ID *slots, CK_ULONG *count)
{
	/* The size query is what makes a library look again (PKCS#11 3.0, 5.5.1). */
	*count = 0;
	TRY(functions->C_GetSlotList(CK_FALSE, NULL, count));
	*count = HOST_TOKENS_MAX;
	TRY(functions->C_GetSlotList(CK_FALSE, slots, count));
	return *count <= HOST_TOKENS_MAX ? CKR_OK : CKR_DEVICE_ERROR;
}

static CK_RV update(struct host *host, CK_SLOT_ID slot, const struct token_facts *facts)
{
	(void)pthread_mutex_lock(&host->lock);
	struct token *token = token_of_slot_locked(host, slot);

	if (token)
		token_take_facts(token, facts);
	(void)pthread_mutex_unlock(&host->lock);
	return token ? CKR_OK : CKR_HOST_MEMORY;
}

static void tell_token(struct host *host, const struct token_facts *facts)
{
	struct link_message message = {
		.type = LINK_TOKEN, .slot_info = facts->slot_info, .flags = facts->flags
	};

	memcpy(message.serial, facts->serial, sizeof(message.serial));
	memcpy(message.label, facts->label, sizeof(message.label));
	host_tell(host, &message);
}

static bool is_in(const CK_SLOT_ID *slots, CK_ULONG count, CK_SLOT_ID slot)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (slots[i] == slot)
			return true;
	return false;
}

static void retire_missing(struct host *host, const CK_SLOT_ID *slots, CK_ULONG count)
{
	(void)pthread_mutex_lock(&host->lock);
	for (size_t i = 0; i < host->token_count; i++)
		if (!is_in(slots, count, host->tokens[i]->slot))
			host->tokens[i]->present = false;
	apply_pending_locked(host);
	(void)pthread_mutex_unlock(&host->lock);
}

static CK_RV list_locked(struct host *host)
{
	struct link_message end = { .type = LINK_TOKENS_END };
	CK_SLOT_ID slots[HOST_TOKENS_MAX];
	struct token_facts facts;
	CK_ULONG count = 0;

	TRY(read_slots(host->functions, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		if (token_look(host, slots[i], &facts) != CKR_OK)
			facts.present = false;
		TRY(update(host, slots[i], &facts));
		tell_token(host, &facts);
	}
	retire_missing(host, slots, count);
	host_tell(host, &end);
	return CKR_OK;
}

CK_RV host_list_tokens(struct host *host)
{
	(void)pthread_mutex_lock(&host->listing);
	if (host->serial)
		(void)pthread_mutex_lock(&host->library_lock);
	CK_RV rv = list_locked(host);

	if (host->serial)
		(void)pthread_mutex_unlock(&host->library_lock);
	(void)pthread_mutex_unlock(&host->listing);
	if (rv != CKR_OK)
		log_error("host: the backend cannot list its slots backend=%s rv=0x%lx",
			host->backend, rv);
	return rv;
}
