/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the agent's front door and its token hosts: fixed structures over a
 * SOCK_SEQPACKET pair. */
#ifndef IOTHSM_LINK_H
#define IOTHSM_LINK_H

#include <sys/types.h>

#include "secret.h"
#include "wire.h"

enum {
	LINK_FD = 3, /* the host's end, inherited at this number */
	LINK_TEXT_MAX = 1024,
	LINK_SERIAL_LEN = 16,
	LINK_MECHANISMS_MAX = 64,
	LINK_MECHANISMS_ALL = -1,
	LINK_KEY_LEN = 16
};

enum link_type {
	/* Front to host, at start, in this order; then LINK_START. */
	LINK_CONFIG = 1, /* backend, text = path of the PKCS#11 library, key = handle key, number =
			    1 for serial threads, time_ms = after so long a call of the library
			    hangs, busy_poll_us, memory */
	LINK_STORE,      /* text = directory of the agent's objects */
	LINK_PIN, /* serial, user, secret: a PIN the agent keeps (also at run time; secret absent:
		     forgotten) */
	LINK_TICKET, /* both ways: client, uid, serial, user, ticket, secret = PIN */
	LINK_GUARD,  /* both ways: serial, uid, number = wrong PINs, time_ms = CLOCK_BOOTTIME of the
			first */
	LINK_START,
	/* Front to host, at run time. */
	LINK_CLIENT, /* one descriptor: a client's connection whose HELLO the host answers; client,
			uid, gid, pid, rights, mechanisms, slot, serial (empty: the uninitialised
			token) */
	LINK_CLIENT_GONE, /* client */
	LINK_RESCAN,      /* list the tokens again */
	LINK_PING,        /* to be answered by LINK_PONG: a host that is stopped does not */
	/* Host to front. */
	LINK_TOKEN, /* one per native slot: serial, label, slot_info, flags = CK_TOKEN_INFO flags */
	LINK_TOKENS_END, /* the list is complete: it replaces the former one; the host takes clients
			    from the first on */
	LINK_TICKET_VOID, /* both ways: serial; client all zero: every ticket of the token */
	LINK_GUARD_CLEAR, /* serial */
	LINK_KEEP_PIN,    /* serial, user, secret: checked, to be kept over restarts */
	LINK_FORGET_PIN,  /* serial, user */
	LINK_ALIAS, /* client, slot: for this client the slot id now means the token of this serial
		       (C_InitToken) */
	LINK_PONG,
	LINK_RECORD,  /* both ways. From the front: serial (empty: every token), number = enum
			 record_mode, text = directory of the records. From the host: serial, text =
			 why they are in danger (empty: all is well) */
	LINK_POLICY,  /* from the front: number = enum link_policy, text = path of it */
	LINK_RESTART, /* the host wants another one to take over from it: its library does not see
			 what others changed */
	/* Of a takeover. Front to host, before LINK_START: */
	LINK_WATCH, /* text = directory to be watched for changes by others; "none"; empty: found by
		       the host */
	/* Front to the old host: */
	LINK_LEAVE, /* another one has taken over: clients go there as soon as they can */
	/* Old host to front: */
	LINK_STAY,      /* client, serial: has work that ends with this host */
	LINK_STAYS_END, /* all others have gone */
	LINK_MOVED      /* client, serial: has gone too */
};

/* Where the policy of keys is read from. */
enum link_policy { LINK_POLICY_FILE, LINK_POLICY_DIRECTORY };

/* Of which keys private-key operations are recorded; agent.conf calls them so. */
enum record_mode {
	RECORD_POLICY, /* those under a policy, and of certificate authorities */
	RECORD_ALL,
	RECORD_NONE
};

/* What a client may use: of count mechanisms, or with LINK_MECHANISMS_ALL of every one. */
struct link_mechanisms {
	int32_t count;
	CK_MECHANISM_TYPE types[LINK_MECHANISMS_MAX];
};

struct link_message {
	enum link_type type;
	uint8_t client[WIRE_CLIENT_ID_LEN];
	uid_t uid;
	gid_t gid;
	pid_t pid;
	CK_FLAGS rights; /* IOTHSM_RIGHT_* of this client on this token */
	struct link_mechanisms mechanisms;
	CK_SLOT_ID slot; /* the slot id that clients see */
	char backend[64];
	char serial[LINK_SERIAL_LEN + 1]; /* trimmed, NUL-terminated */
	char label[32 + 1];
	CK_SLOT_INFO slot_info;
	CK_FLAGS flags;
	CK_USER_TYPE user;
	CK_ULONG number;
	uint32_t busy_poll_us;
	size_t memory; /* bytes that calls may take */
	int64_t time_ms;
	uint8_t ticket[WIRE_TICKET_LEN];
	uint8_t key[LINK_KEY_LEN];
	struct secret secret;
	char text[LINK_TEXT_MAX];
};

/* fd -1: none. False with errno set; a full queue blocks (both sides drain their link promptly). */
bool link_send(int link, const struct link_message *message, int fd);

/*
 * Blocks (a non-blocking link: false with EAGAIN). *fd is -1 when none came. False at end of file
 * (errno 0) or for a message of another size, type or form (EBADMSG).
 */
bool link_receive(int link, struct link_message *message, int *fd);

#endif
