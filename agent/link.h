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
	LINK_KEY_LEN = 16
};

enum link_type {
	/* Front to host, at start, in this order; then LINK_START. */
	LINK_CONFIG = 1, /* backend, text = path of the PKCS#11 library, key = handle key, number =
			    1 for serial threads */
	LINK_STORE,      /* text = directory of the agent's objects */
	LINK_PIN, /* serial, user, secret: a PIN the agent keeps (also at run time; secret absent:
		     forgotten) */
	LINK_TICKET, /* both ways: client, uid, serial, user, ticket, secret = PIN */
	LINK_GUARD,  /* both ways: serial, uid, number = wrong PINs, time_ms = CLOCK_BOOTTIME of the
			first */
	LINK_START,
	/* Front to host, at run time. */
	LINK_CLIENT, /* one descriptor: a client's connection whose HELLO the host answers; client,
			uid, gid, pid, rights, slot, serial (empty: the uninitialised token) */
	LINK_CLIENT_GONE, /* client */
	LINK_RESCAN,      /* list the tokens again */
	/* Host to front. */
	LINK_TOKEN, /* one per native slot: serial, label, slot_info, flags = CK_TOKEN_INFO flags */
	LINK_TOKENS_END, /* the list is complete: it replaces the former one; the host takes clients
			    from the first on */
	LINK_TICKET_VOID, /* serial; client all zero: every ticket of the token */
	LINK_GUARD_CLEAR, /* serial */
	LINK_KEEP_PIN,    /* serial, user, secret: checked, to be kept over restarts */
	LINK_FORGET_PIN,  /* serial, user */
	LINK_ALIAS,  /* client, slot: for this client the slot id now means the token of this serial
			(C_InitToken) */
	LINK_RESTART /* the host wants to be ended, once its last answers are out, and started again
			at once: its library does not see tokens made or deleted by others */
};

struct link_message {
	enum link_type type;
	uint8_t client[WIRE_CLIENT_ID_LEN];
	uid_t uid;
	gid_t gid;
	pid_t pid;
	CK_FLAGS rights; /* IOTHSM_RIGHT_* of this client on this token */
	CK_SLOT_ID slot; /* the slot id that clients see */
	char backend[64];
	char serial[LINK_SERIAL_LEN + 1]; /* trimmed, NUL-terminated */
	char label[32 + 1];
	CK_SLOT_INFO slot_info;
	CK_FLAGS flags;
	CK_USER_TYPE user;
	CK_ULONG number;
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
