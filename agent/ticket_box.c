/* SPDX-License-Identifier: Apache-2.0 */
/* Logins that outlive a token host: what a restarted host gets back, in locked memory. */
#include "ticket_box.h"

#include <errno.h>
#include <sys/mman.h>

#include "log.h"

static const size_t box_len = TICKET_BOX_MAX * sizeof(struct ticket_entry);

CK_RV ticket_box_init(struct ticket_box *box)
{
	void *memory =
		mmap(NULL, box_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return CKR_HOST_MEMORY;
	/* A host is a child for a moment before it is another program: it never sees this. */
	(void)madvise(memory, box_len, MADV_DONTFORK);
	(void)madvise(memory, box_len, MADV_DONTDUMP);
	if (mlock(memory, box_len) != 0)
		log_warn("agent: tickets may reach the swap space, raise LimitMEMLOCK to 64M: %s",
			strerror(errno));
	box->entries = memory;
	return CKR_OK;
}

void ticket_box_reset(struct ticket_box *box)
{
	if (!box->entries)
		return;
	explicit_bzero(box->entries, box_len);
	(void)munmap(box->entries, box_len);
	box->entries = NULL;
}

static bool is_of_client(const struct ticket_entry *entry, const uint8_t *client)
{
	return entry->used && memcmp(entry->client, client, WIRE_CLIENT_ID_LEN) == 0;
}

static struct ticket_entry *find_place(
	struct ticket_box *box, size_t backend, const struct link_message *message)
{
	struct ticket_entry *vacant = NULL;

	for (size_t i = 0; i < TICKET_BOX_MAX; i++) {
		struct ticket_entry *entry = &box->entries[i];

		if (!entry->used && !vacant)
			vacant = entry;
		if (is_of_client(entry, message->client) && entry->backend == backend &&
			entry->user == message->user && strcmp(entry->serial, message->serial) == 0)
			return entry;
	}
	return vacant;
}

bool ticket_box_keep(struct ticket_box *box, size_t backend, const struct link_message *message)
{
	struct ticket_entry *entry = find_place(box, backend, message);

	if (!entry)
		return false;
	entry->used = true;
	entry->backend = backend;
	entry->uid = message->uid;
	entry->user = message->user;
	memcpy(entry->client, message->client, sizeof(entry->client));
	memcpy(entry->serial, message->serial, sizeof(entry->serial));
	memcpy(entry->ticket, message->ticket, sizeof(entry->ticket));
	secret_wipe(&entry->secret);
	return !message->secret.present ||
	       secret_set(&entry->secret, secret_bytes(&message->secret));
}

void ticket_box_void(
	struct ticket_box *box, size_t backend, const uint8_t *client, const char *serial)
{
	static const uint8_t nobody[WIRE_CLIENT_ID_LEN];
	bool all = memcmp(client, nobody, sizeof(nobody)) == 0;

	for (size_t i = 0; i < TICKET_BOX_MAX; i++) {
		struct ticket_entry *entry = &box->entries[i];

		if (entry->used && entry->backend == backend &&
			strcmp(entry->serial, serial) == 0 && (all || is_of_client(entry, client)))
			explicit_bzero(entry, sizeof(*entry));
	}
}

void ticket_box_forget_client(struct ticket_box *box, const uint8_t *client)
{
	for (size_t i = 0; i < TICKET_BOX_MAX; i++)
		if (is_of_client(&box->entries[i], client))
			explicit_bzero(&box->entries[i], sizeof(box->entries[i]));
}

bool ticket_box_next(const struct ticket_box *box, size_t backend, size_t *position,
	struct link_message *message)
{
	for (; *position < TICKET_BOX_MAX; (*position)++) {
		const struct ticket_entry *entry = &box->entries[*position];

		if (!entry->used || entry->backend != backend)
			continue;
		memset(message, 0, sizeof(*message));
		message->type = LINK_TICKET;
		message->uid = entry->uid;
		message->user = entry->user;
		memcpy(message->client, entry->client, sizeof(message->client));
		memcpy(message->serial, entry->serial, sizeof(message->serial));
		memcpy(message->ticket, entry->ticket, sizeof(message->ticket));
		message->secret = entry->secret;
		(*position)++;
		return true;
	}
	return false;
}
