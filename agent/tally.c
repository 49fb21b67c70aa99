/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong PINs as token hosts counted them, so that a restart of a host forgets none. */
#include "tally.h"

static bool is_of_token(const struct tally_entry *entry, size_t backend, const char *serial)
{
	return entry->used && entry->backend == backend && strcmp(entry->serial, serial) == 0;
}

static struct tally_entry *find_place(
	struct tally *tally, size_t backend, const struct link_message *message)
{
	struct tally_entry *vacant = NULL;
	struct tally_entry *oldest = &tally->entries[0];

	for (size_t i = 0; i < TALLY_MAX; i++) {
		struct tally_entry *entry = &tally->entries[i];

		if (is_of_token(entry, backend, message->serial) && entry->uid == message->uid)
			return entry;
		if (!entry->used && !vacant)
			vacant = entry;
		if (entry->first_ms < oldest->first_ms)
			oldest = entry;
	}
	return vacant ? vacant : oldest;
}

void tally_keep(struct tally *tally, size_t backend, const struct link_message *message)
{
	struct tally_entry *entry = find_place(tally, backend, message);

	*entry = (struct tally_entry){ .used = message->number > 0,
		.backend = backend,
		.uid = message->uid,
		.wrong = message->number,
		.first_ms = message->time_ms };
	memcpy(entry->serial, message->serial, sizeof(entry->serial));
}

void tally_clear(struct tally *tally, size_t backend, const char *serial)
{
	for (size_t i = 0; i < TALLY_MAX; i++)
		if (is_of_token(&tally->entries[i], backend, serial))
			tally->entries[i].used = false;
}

bool tally_next(
	const struct tally *tally, size_t backend, size_t *position, struct link_message *message)
{
	for (; *position < TALLY_MAX; (*position)++) {
		const struct tally_entry *entry = &tally->entries[*position];

		if (!entry->used || entry->backend != backend)
			continue;
		memset(message, 0, sizeof(*message));
		message->type = LINK_GUARD;
		message->uid = entry->uid;
		message->number = entry->wrong;
		message->time_ms = entry->first_ms;
		memcpy(message->serial, entry->serial, sizeof(message->serial));
		(*position)++;
		return true;
	}
	return false;
}
