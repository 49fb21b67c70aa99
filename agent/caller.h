/* SPDX-License-Identifier: Apache-2.0 */
/* One connection that the front door holds: frames in and out without ever blocking. */
#ifndef IOTHSM_CALLER_H
#define IOTHSM_CALLER_H

#include "link.h"
#include "rights.h"
#include "wire.h"

enum {
	CALLER_FRAME_MAX = 4096, /* of what comes in; all that the front answers is short */
	CALLER_HELLO_MS = 5 * 1000,
	CALLER_ALIASES_MAX = 16
};

enum caller_state {
	CALLER_HELLO,   /* nothing known of it yet */
	CALLER_WAITING, /* to be handed to a token host that is not ready */
	CALLER_CONTROL  /* a client for as long as it stays open */
};

/* For this client the slot id means the token of that serial, which it initialised in that slot. */
struct caller_alias {
	CK_SLOT_ID slot;
	size_t backend;
	char serial[LINK_SERIAL_LEN + 1];
};

struct caller {
	int fd;
	enum caller_state state;
	struct peer peer;
	int64_t deadline_ms;                /* of HELLO, WAITING, and of a call that is held */
	bool held;                          /* a complete call waits for token hosts */
	bool finished;                      /* to be closed */
	uint8_t client[WIRE_CLIENT_ID_LEN]; /* its own (CONTROL) or its client's (WAITING) */
	CK_SLOT_ID slot;                    /* WAITING */
	bool looked;                        /* WAITING: its token was looked for */
	uint32_t version;                   /* of the wire: the newest that both speak */
	struct caller_alias aliases[CALLER_ALIASES_MAX];
	size_t alias_count;
	uint8_t header[4];
	uint8_t payload[CALLER_FRAME_MAX];
	size_t got; /* of header and payload */
	struct frame out;
	size_t sent; /* of the length and payload of out */
	bool sending;
};

/* Takes over the descriptor, which has to be non-blocking; NULL with errno set, fd closed. */
struct caller *caller_new(int fd, int64_t now_ms);
void caller_free(struct caller *caller);

enum caller_result { CALLER_MORE, CALLER_FRAME, CALLER_GONE };

/* Reads exactly one frame and not a byte more: what follows belongs to the token host. */
enum caller_result caller_read(struct caller *caller);
struct bytes caller_frame(const struct caller *caller);

/* The frame was dealt with: wipes it, the next one may come. */
void caller_next(struct caller *caller);

/* Sends what the socket takes, the rest by caller_write(); false when the connection is lost. */
bool caller_reply(struct caller *caller, const Reply *reply);
bool caller_write(struct caller *caller);

#endif
