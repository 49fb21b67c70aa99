/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's HTTPS requests to a running stand-in: as a PubNub peer of its own, and for delivered
 * CRLs. */
#ifndef IOTHSM_STANDIN_PEER_H
#define IOTHSM_STANDIN_PEER_H

#include <jansson.h>
#include <limits.h>
#include <stdatomic.h>

#include "identity.h"
#include "rest.h"

enum { PEER_TIMETOKEN_SIZE = 24 };

/* The pnsdk of a driver. */
#define PEER_CLIENT_NAME "iothsm-standin"

struct peer {
	char url[128];
	char tls_ca[PATH_MAX];
	char uuid[IDENTITY_UUID_SIZE];
	struct identity identity;
};

/* Reads the files of a stand-in's directory and takes a new uuid; false on failure, which is
 * logged. */
bool peer_open(struct peer *peer, const char *directory);
void peer_close(struct peer *peer);

/* Any number of threads may call these, each with its own connection. */
struct rest *peer_connect(const struct peer *peer);

/* By GET, or by POST where the escaped text would be too long for a request line. */
bool peer_publish(
	const struct peer *peer, struct rest *rest, const char *channel, const char *payload);

/* An empty timetoken takes the present one and no messages. *messages is an owned array. */
bool peer_poll(const struct peer *peer, struct rest *rest, const char *channel,
	char timetoken[PEER_TIMETOKEN_SIZE], const atomic_bool *cancel, json_t **messages);

/* The member "met" of the answer of the stand-in's own interface, -1 on failure. A body makes it a
 * POST. */
int peer_control(const struct peer *peer, struct rest *rest, const char *path, const char *body);

/* The PEM text that was delivered under this siguuid; NULL when there is none. */
char *peer_fetch_crl(const struct peer *peer, struct rest *rest, const char *siguuid);

#endif
