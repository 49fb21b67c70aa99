/* SPDX-License-Identifier: Apache-2.0 */
/* One PubNub subscription (one pair of keys): a thread that polls without end, and publishing from
 * any thread. */
#ifndef IOTHSM_FEED_H
#define IOTHSM_FEED_H

#include "config.h"
#include "pubnub.h"
#include "rest.h"

enum {
	FEED_REASON_MAX = 200,
	FEED_POLL_TIMEOUT_MS = 310 * 1000,
	FEED_CALL_TIMEOUT_MS = 15 * 1000,
	FEED_PUBLISH_LIMIT_MS = 60 * 1000,
	FEED_STALE_MS = 60 * 1000,
};

struct feed;

/* Called on the feed's thread; message is the feed's. */
typedef void feed_take(void *context, struct feed *feed, const struct pubnub_message *message);
/* PubNub refuses these keys (HTTP 400 or 403): the platform may have new ones. */
typedef void feed_refused(void *context, struct feed *feed);

struct feed_user {
	feed_take *take;
	feed_refused *refused;
	void *context;
};

/* Starts the thread; config, uuid and user outlive it. NULL when that fails. */
struct feed *feed_new(const struct config *config, const char *uuid, const char *subscribe_key,
	const struct feed_user *user);

bool feed_has_key(const struct feed *feed, const char *subscribe_key);

/* Takes effect at once; what was published meanwhile is not lost, because the cursor is kept.
 * publish_key NULL: as before. */
void feed_set(struct feed *feed, const char *publish_key, const struct pubnub_channels *channels);

enum feed_outcome { FEED_SENT, FEED_TOO_LARGE, FEED_FAILED };

/* Repeated on errors for at most a minute. */
enum feed_outcome feed_publish(
	struct feed *feed, struct rest *rest, const char *channel, const char *payload);

struct feed_status {
	bool subscribed; /* PubNub answered a poll within the last FEED_STALE_MS, the last one too
			  */
	int64_t heard_s; /* when it last did, 0: never */
	uint64_t reconnects;
	char reason[FEED_REASON_MAX]; /* why it is not subscribed */
};
void feed_status(struct feed *feed, struct feed_status *status);

/* In this order: no more messages; no more publishing; says goodbye to PubNub and frees. */
void feed_stop(struct feed *feed);
void feed_abandon(struct feed *feed);
void feed_free(struct feed *feed);

#endif
