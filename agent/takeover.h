/* SPDX-License-Identifier: Apache-2.0 */
/* A second token host that takes over from the first one while programs go on. */
#ifndef IOTHSM_TAKEOVER_H
#define IOTHSM_TAKEOVER_H

#include "front.h"

enum {
	TAKEOVER_PAUSE_MS = 500,        /* the least age of a host that is relieved */
	TAKEOVER_PARTING_MS = 2 * 1000, /* for the old host to say which clients stay */
	TAKEOVER_LEAVE_MS = 60 * 1000,  /* longer than a host lets work keep a client */
	TAKEOVER_FAILURES_MAX = 5       /* in a row; then the next change is waited for */
};

/* The host does not see what others changed: another one is to take its place. */
void takeover_want(struct front *front, size_t backend);

/* Starts, ends and kills what is due now; when to come again, INT64_MAX for never. */
void takeover_tick(struct front *front, size_t backend, int64_t now_ms);
int64_t takeover_due_ms(const struct front *front, size_t backend);

/* The second host has listed its tokens. */
void takeover_complete(struct front *front, size_t backend);

/* Begins anew: the first host lists other tokens than the second one can have seen. */
void takeover_repeat(struct front *front, size_t backend);

/* Ends the second host, whichever it is; a reason says that it broke a rule. */
void takeover_end_second(struct front *front, size_t backend, const char *reason);

/* The process of the second host is gone. */
void takeover_reaped(struct front *front, size_t backend, int status);

/* The first host is gone: what was to take over from it takes its place. False: there is none. */
bool takeover_promote(struct front *front, size_t backend);

/* A client of the old host has work that only this one can finish; or that has ended. */
void takeover_stay(struct backend *backend, const struct link_message *message);
void takeover_moved(struct backend *backend, const struct link_message *message);

/* Where connections of this client to this token belong now. */
struct process *takeover_host_of(
	struct backend *backend, const uint8_t client[WIRE_CLIENT_ID_LEN], const char *serial);

#endif
