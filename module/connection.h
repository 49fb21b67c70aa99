/* SPDX-License-Identifier: Apache-2.0 */
/* The process's connections: one to the agent's front, and a pool of them to the token hosts. */
#ifndef IOTHSM_CONNECTION_H
#define IOTHSM_CONNECTION_H

#include "wire.h"

enum {
	CONNECTIONS_MAX = 32,
	WAITERS_MAX = 8 /* threads inside a blocking C_WaitForSlotEvent */
};

struct connection;

/* Who is at the other end; sessions and logins live exactly as long as this stays the same. */
struct peer {
	uint64_t incarnation; /* the token host's, chosen by it at its start */
	uint64_t client;      /* counts our own client ids: another one after each agent restart */
};

enum connection_result {
	CONNECTION_DONE,
	CONNECTION_TOO_LARGE, /* nothing was sent, the connection is as good as before */
	CONNECTION_UNSENT,    /* lost before the peer had the whole call: safe to send again */
	CONNECTION_LOST       /* lost, late or talking nonsense: the call may have been executed */
};

/*
 * An idle connection of the slot or a new one; *fresh tells which. CKR_DEVICE_ERROR when the agent
 * cannot be reached (worth another try), else what the agent or host answered to HELLO.
 */
CK_RV connection_take(CK_SLOT_ID slot, struct connection **connection, bool *fresh);

/* The control connection, for one exchange at a time; same return values. */
CK_RV connection_take_control(struct connection **connection);

/* Where the agent's numbers of slot events stood when C_Initialize's control connection opened. */
uint64_t connection_first_event(void);

/*
 * A connection to the front for one call that may wait for long, to be dropped afterwards; id is
 * the client's. CKR_HOST_MEMORY when WAITERS_MAX are in use.
 */
CK_RV connection_take_waiter(struct connection **connection, uint8_t id[WIRE_CLIENT_ID_LEN]);

/* The views of the reply stay valid until the connection's next exchange or its release. */
enum connection_result connection_exchange(
	struct connection *connection, const Call *call, Reply *reply, int64_t timeout_ms);

struct peer connection_peer(const struct connection *connection);

/* True when root, the agent's own user or ourselves hold the other end: fit to be told a PIN. */
bool connection_is_trusted(const struct connection *connection);

/* Wipes the last call and reply; then the connection is idle again, or closed. */
void connection_release(struct connection *connection);
void connection_drop(struct connection *connection);

void connection_open_all(void);  /* C_Initialize: takes are allowed from here on */
void connection_close_all(void); /* C_Finalize: wakes and awaits the threads still inside a call */
void connection_forget_all(
	void); /* forked child: closes the inherited descriptors, sends nothing */

#endif
