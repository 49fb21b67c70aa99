/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between module and agent: encoding, decoding, sending and receiving with a deadline. */
#ifndef IOTHSM_WIRE_H
#define IOTHSM_WIRE_H

#include "arena.h"
#include "attributes.h"
#include "bytes.h"
#include "wire.pb.h"

/* The newest and the oldest form of Call and Reply that this build speaks; tests build others. */
#ifndef WIRE_VERSION
#define WIRE_VERSION        1
#define WIRE_VERSION_OLDEST 1
#endif

enum {
	WIRE_FRAME_MAX = 16 * 1024 * 1024,
	WIRE_ATTRIBUTES_MAX = 256, /* of one list */
	WIRE_DEPTH_MAX = 4,        /* of nested lists */
	WIRE_REST_MS = 10 * 1000,  /* from the first byte of a frame that nobody waits for */
	WIRE_CLIENT_ID_LEN = 16,
	WIRE_TICKET_LEN = 16,
	WIRE_FIND_FIRST = 64 /* handles that the reply to C_FindObjectsInit carries */
};

/* Reply.rv of a host that was taken over from: the call was not executed, another host has to be
 * asked by a new connection. */
#define WIRE_ELSEWHERE 0xC94FFFFFUL

/* sizeof(CK_ULONG) and byte order of this build, the data2 of HELLO. */
struct bytes wire_abi(void);

/* The payload of a frame, without its length; one per connection, grown as needed and kept. */
struct frame {
	uint8_t *data;
	size_t len;
	size_t capacity;
	struct budget *budget; /* of the capacity; NULL: none */
};

/* Room for so much, the payload kept; false without memory. What is left behind is wiped. */
bool frame_grow(struct frame *frame, size_t capacity);

void frame_wipe(
	struct frame *frame); /* wipes the payload, keeps a small buffer, frees a large one */
void frame_free(struct frame *frame); /* wipes and frees */

/*
 * Encoding overwrites the frame; false when it would exceed WIRE_FRAME_MAX or memory is exhausted.
 * Call.attributes are a template (pValue, ulValueLen), or when call->query rooms: pValue NULL asks
 * for the length, anything else offers ulValueLen bytes. Reply.attributes are values; an attribute
 * with pValue NULL travels as its ulValueLen alone. ulValueLen CK_UNAVAILABLE_INFORMATION is kept.
 */
bool wire_encode_call(struct frame *frame, const Call *call);
bool wire_encode_reply(struct frame *frame, const Reply *reply);

/*
 * Decoded byte views point into the payload; attribute lists, their aligned values and, for a
 * query, buffers of the asked size lie in the arena, so the list is fit for a C_* call as it is.
 * False for anything malformed, too many, too deep or too large: nothing is repaired or cut.
 */
bool wire_decode_call(struct bytes payload, struct arena *arena, Call *call);
bool wire_decode_reply(struct bytes payload, struct arena *arena, Reply *reply);

/* True for attributes whose value is a list of attributes; CKA_ALLOWED_MECHANISMS is none of them.
 */
bool wire_nests(CK_ATTRIBUTE_TYPE type);

enum wire_result {
	WIRE_DONE,
	WIRE_CLOSED,  /* the peer closed in order, between two frames */
	WIRE_TIMEOUT, /* the deadline passed */
	WIRE_BROKEN,  /* system error, half a frame, or a length above WIRE_FRAME_MAX */
	WIRE_NO_ROOM  /* no memory for this frame: it was taken off the socket and is lost */
};

int64_t wire_now_ms(void); /* CLOCK_MONOTONIC */

/* deadline_ms as wire_now_ms(), or -1 for none; what began to arrive then has WIRE_REST_MS. Sockets
 * may be blocking or not; no SIGPIPE. */
enum wire_result wire_send(int fd, const struct frame *frame, int64_t deadline_ms);
enum wire_result wire_receive(int fd, struct frame *frame, int64_t deadline_ms);

/* The same; where a core is to spare, one waiter of the process first asks for so long without
 * sleeping. */
enum wire_result wire_receive_busy(
	int fd, struct frame *frame, int64_t deadline_ms, unsigned int busy_us);

/* Path of the agent's socket: IOTHSM_AGENT_SOCKET by secure_getenv, else the built-in default. */
const char *wire_socket_path(void);

#endif
