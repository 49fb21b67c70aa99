/* SPDX-License-Identifier: Apache-2.0 */
/* One thread a client connection: receive, dispatch, send; and the watch over calls that hang. */
#ifndef IOTHSM_CONNECTION_H
#define IOTHSM_CONNECTION_H

#include "client.h"

enum {
	CONNECTION_STACK_BYTES = 256 * 1024,
	CONNECTION_CALL_MS = 50 * 1000,       /* until LINK_CONFIG says otherwise */
	CONNECTION_LONG_MS = 590 * 1000,      /* key generation and provisioning */
	CONNECTION_SPARED_BYTES = 128 * 1024, /* counts for nobody: what two frames may keep */
	CONNECTION_SEND_MS =
		10 * 1000 /* a client that does not read its reply loses its connection */
};

/* Answers the HELLO that the front has read and serves the connection; takes the descriptor in any
 * case. */
void connection_serve(struct host *host, const struct link_message *message, int fd);

/* Runs something in a thread of its own, watched as a long call is; false when there is none. */
bool connection_run_aside(struct host *host, void (*work)(void *), void *context);

/* No watch while this thread waits for others, which is no hang of the backend; then it begins
 * anew.
 */
void connection_pause_watch(void);
void connection_restart_watch(void);

/* The call of this thread may take minutes. */
void connection_expect_long(void);

/* Ends the connections of one client, or of every one when client is NULL; they stop after their
 * call. */
void connection_shut_down(struct host *host, const struct client *client);

/* With host->lock: after the call that it may have sent the client hears of the end. */
void connection_stop_reading_locked(struct host *host, const struct client *client);

/* Waits until all have ended; false when the deadline passed. */
bool connection_wait_all(struct host *host, int64_t wait_ms);

/* False when a call has run for too long. */
bool connection_check_watchdog(struct host *host, int64_t now_ms);

#endif
