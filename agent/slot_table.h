/* SPDX-License-Identifier: Apache-2.0 */
/* Which slots exist: one for every token that a backend lists, with an id that outlives restarts.
 */
#ifndef IOTHSM_SLOT_TABLE_H
#define IOTHSM_SLOT_TABLE_H

#include "link.h"
#include "settings.h"

enum { SLOT_TOKENS_MAX = 256 }; /* of one backend */

struct slot {
	CK_SLOT_ID id;
	char serial[LINK_SERIAL_LEN + 1]; /* empty: the uninitialised token */
	char label[32 + 1];
	CK_SLOT_INFO info;
	CK_FLAGS flags;   /* of CK_TOKEN_INFO */
	bool listed;      /* in the backend's last list, or of a device that may come back */
	bool pins_sent;   /* to the present incarnation of the host */
	bool present;     /* as of its last event */
	uint64_t changed; /* the number of that event */
};

/* Those of one backend: the listed ones first, as the backend lists them. */
struct slot_list {
	struct slot *items; /* SLOT_TOKENS_MAX of them */
	size_t count;
	struct slot *incoming; /* the same room, for the list that is arriving */
	size_t incoming_count;
};

struct slot_table {
	struct slot_list lists[SETTINGS_BACKENDS_MAX];
	const char *names[SETTINGS_BACKENDS_MAX];
	size_t count;
};

/* Adds the next backend; the name stays the caller's. CKR_HOST_MEMORY. */
CK_RV slot_add_backend(struct slot_table *table, const char *name);
void slot_table_reset(struct slot_table *table);

/* One entry of a list that is arriving; false when it is one too many. */
bool slot_list_add(struct slot_table *table, size_t backend, const struct link_message *token);

/* The list has arrived: it takes the place of the former one. */
void slot_list_complete(struct slot_table *table, size_t backend);

/* Forgets what has arrived of an unfinished list: the host is gone. */
void slot_list_abandon(struct slot_table *table, size_t backend);

/* NULL when there is none. */
struct slot *slot_find(struct slot_table *table, CK_SLOT_ID id, size_t *backend);
struct slot *slot_find_serial(struct slot_table *table, size_t backend, const char *serial);

/* The id that follows when an id is taken: 31 bits, never 0. */
CK_SLOT_ID slot_next_id(CK_SLOT_ID id);

#endif
