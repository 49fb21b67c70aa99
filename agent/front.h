/* SPDX-License-Identifier: Apache-2.0 */
/* All that the front door knows: one structure, handed to each of its parts. */
#ifndef IOTHSM_FRONT_H
#define IOTHSM_FRONT_H

#include "caller.h"
#include "kept.h"
#include "process.h"
#include "slot_table.h"
#include "tally.h"
#include "throttle.h"
#include "ticket_box.h"

enum {
	FRONT_CLIENTS_MAX = 1024,
	FRONT_CALLERS_MAX = FRONT_CLIENTS_MAX + 512,
	FRONT_CALLERS_OF_UID_MAX = 256,
	BACKEND_STAYS_MAX = 256
};

enum backend_state {
	BACKEND_DOWN,     /* no process; started when next_ms has come */
	BACKEND_STARTING, /* has not listed its tokens yet */
	BACKEND_READY,
	BACKEND_ENDING, /* its link is closed; the process is not yet reaped */
	BACKEND_FAILED  /* died too often; tried again when next_ms has come */
};

/* Beside the first host of a backend there is at most one other process of it. */
enum second_role {
	SECOND_NONE,
	SECOND_STARTING, /* takes over from the first one when it has listed its tokens */
	SECOND_LEAVING,  /* was taken over from: it ends what its clients had begun */
	SECOND_ENDING    /* its link is closed; the process is not yet reaped */
};

/* A client that has work in the old host on the token of this serial. */
struct backend_stay {
	uint8_t client[WIRE_CLIENT_ID_LEN];
	char serial[LINK_SERIAL_LEN + 1];
};

struct backend {
	const struct settings_backend *settings;
	enum backend_state state;
	struct process host;    /* the first one: it takes the clients */
	int64_t next_ms;        /* DOWN, FAILED: when to start; ENDING: when to kill */
	int64_t away_ms;        /* since when it takes no clients */
	unsigned short_lives;   /* in a row, for the back-off */
	unsigned quick_crashes; /* in a row, for the secrets */
	unsigned restarts;
	int64_t ping_ms; /* READY: when to ask it, or once asked, to end it */
	bool pinged;
	bool restart_wanted; /* the host does not see what others changed */
	bool withheld;   /* this process did not get PINs and tickets: its predecessors crashed */
	bool rescanning; /* a list was asked for and has not come */
	struct process second;
	enum second_role role;
	int64_t wanted_ms;     /* since when restart_wanted */
	int64_t retry_ms;      /* no second host before */
	int64_t second_due_ms; /* LEAVING: to be ended; ENDING: to be killed */
	int64_t parting_ms;    /* the end of parting at the latest */
	bool parting;          /* LEAVING: it has not said yet which clients stay */
	unsigned second_failures;
	struct backend_stay stays[BACKEND_STAYS_MAX];
	size_t stay_count;
	char record_fault[LINK_TEXT_MAX]; /* why its records are in danger; empty: they are not */
	char record_serial[LINK_SERIAL_LEN + 1]; /* of the token that said so */
};

struct front {
	struct settings *settings;
	char libexec[PATH_MAX];
	int listener;
	bool listener_is_ours; /* to be removed at the end; else systemd's */
	int watcher;           /* inotify on the socket's directory, -1: none */
	struct backend backends[SETTINGS_BACKENDS_MAX];
	size_t backend_count;
	uint8_t handle_key[LINK_KEY_LEN]; /* the same for every incarnation of a host */
	struct slot_table slots;
	uint64_t events; /* the number of the last change of a slot */
	struct ticket_box tickets;
	struct tally tally;
	struct kept kept;
	struct throttle refusals; /* in the log */
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

/* A token by the names that rights and kept PINs go by; the label is NULL when it is not listed. */
struct token_name front_token_name(struct front *front, size_t backend, const char *serial);

/* Rights on a token, with the bits of kept PINs. */
struct rights front_rights(
	struct front *front, const struct peer *peer, const struct token_name *token);

/* right: the name that 'allow' lacks. A peer that is refused often is not logged each time. */
void front_log_refusal(struct front *front, const struct peer *peer, const char *serial,
	const char *function, const char *right);

#endif
