/* SPDX-License-Identifier: Apache-2.0 */
/* All that the front door knows: one structure, handed to each of its parts. */
#ifndef IOTHSM_FRONT_H
#define IOTHSM_FRONT_H

#include "caller.h"
#include "kept.h"
#include "outbox.h"
#include "slot_table.h"
#include "tally.h"
#include "ticket_box.h"

enum {
	FRONT_CLIENTS_MAX = 1024,
	FRONT_CALLERS_MAX = FRONT_CLIENTS_MAX + 512,
	FRONT_CALLERS_OF_UID_MAX = 256
};

enum backend_state {
	BACKEND_DOWN,     /* no process; started when next_ms has come */
	BACKEND_STARTING, /* has not listed its tokens yet */
	BACKEND_READY,
	BACKEND_ENDING, /* its link is closed; the process is not yet reaped */
	BACKEND_FAILED  /* died too often; tried again when next_ms has come */
};

struct backend {
	const struct settings_backend *settings;
	enum backend_state state;
	pid_t pid;              /* 0: no process */
	int link;               /* -1: none */
	int64_t started_ms;     /* of the present or last process */
	int64_t next_ms;        /* DOWN, FAILED: when to start; ENDING: when to kill */
	int64_t away_ms;        /* since when it takes no clients */
	unsigned short_lives;   /* in a row, for the back-off */
	unsigned quick_crashes; /* in a row, for the secrets */
	unsigned restarts;
	bool restart_wanted; /* the host said so before it ended */
	bool killed;         /* by us */
	bool withheld;   /* this process did not get PINs and tickets: its predecessors crashed */
	bool rescanning; /* a list was asked for and has not come */
	bool blocked;    /* the link took no descriptor: wait until it is writable */
	struct outbox outbox;
};

struct front {
	struct settings *settings;
	char libexec[PATH_MAX];
	int listener;
	bool listener_is_ours; /* to be removed at the end; else systemd's */
	struct backend backends[SETTINGS_BACKENDS_MAX];
	size_t backend_count;
	uint8_t handle_key[LINK_KEY_LEN]; /* the same for every incarnation of a host */
	struct slot_table slots;
	uint64_t events; /* the number of the last change of a slot */
	struct ticket_box tickets;
	struct tally tally;
	struct kept kept;
	struct caller *callers[FRONT_CALLERS_MAX];
	size_t caller_count;
};

/* The control connection of a client, NULL when there is none. */
struct caller *front_find_client(struct front *front, const uint8_t client[WIRE_CLIENT_ID_LEN]);

/* The slot that an id means for this client, its own aliases first; *serial is the token's. */
struct slot *front_resolve_slot(struct front *front, const struct caller *client, CK_SLOT_ID id,
	size_t *backend, const char **serial);

/* The id under which a client sees a slot: another one once it initialised a token under its id. */
CK_SLOT_ID front_slot_id(struct front *front, const struct caller *client, const struct slot *slot);

/* Rights on a token, with the bits of kept PINs. */
CK_FLAGS front_rights(struct front *front, const struct peer *peer, const char *serial);

#endif
