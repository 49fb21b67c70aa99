/* SPDX-License-Identifier: Apache-2.0 */
/* PubNub's REST forms: request URLs and the parsing of replies, which strangers can fill. */
#ifndef IOTHSM_PUBNUB_H
#define IOTHSM_PUBNUB_H

#include <jansson.h>

#include "bytes.h"

enum {
	PUBNUB_NAME_MAX = 92, /* characters of a channel, key or uuid */
	PUBNUB_URL_MAX = 30 * 1024,
	PUBNUB_CHANNELS_MAX = 64,
	PUBNUB_REPLY_MAX = 4 * 1024 * 1024, /* 100 messages of 32 KiB, and escapes */
	PUBNUB_MESSAGES_MAX = 1000,
};

/* Who asks whom. */
struct pubnub_keys {
	const char *origin;
	const char *publish_key;
	const char *subscribe_key;
	const char *uuid;
};

struct pubnub_channels {
	size_t count;
	char names[PUBNUB_CHANNELS_MAX][PUBNUB_NAME_MAX + 1];
};

/* Where a subscription stands; an empty timetoken asks for a handshake. */
struct pubnub_cursor {
	char timetoken[24];
	int region;
};

/* One message as it came; texts are bounded and checked, payload is an owned reference. */
struct pubnub_message {
	char publisher[PUBNUB_NAME_MAX + 1];
	char channel[PUBNUB_NAME_MAX + 1];
	int64_t published; /* timetoken, 0 when absent */
	json_t *payload;
};

/* A key or channel name that can stand in a request: printable, not empty, within PUBNUB_NAME_MAX.
 */
bool pubnub_is_name(const char *text);

/* Kept sorted and without doubles; false when it is full. */
bool pubnub_channels_add(struct pubnub_channels *channels, const char *name);

/* All URLs are freed by the caller; NULL when out of memory. */
char *pubnub_subscribe_url(const struct pubnub_keys *keys, const struct pubnub_channels *channels,
	const struct pubnub_cursor *cursor);
char *pubnub_leave_url(const struct pubnub_keys *keys, const struct pubnub_channels *channels);
char *pubnub_publish_url(const struct pubnub_keys *keys, const char *channel, const char *payload);
char *pubnub_time_url(const struct pubnub_keys *keys);

/* What a URL costs of PUBNUB_URL_MAX: path and query. */
size_t pubnub_url_cost(const struct pubnub_keys *keys, const char *url);

/*
 * A subscribe reply: the cursor is written and take is called for each usable message, in order. A
 * message that cannot be read is counted in *dropped and hides no other. False when the reply
 * itself is none.
 */
typedef void pubnub_take(void *context, struct pubnub_message *message);
bool pubnub_parse_subscribe(struct bytes reply, struct pubnub_cursor *cursor, pubnub_take *take,
	void *context, size_t *dropped);

/* True when it has a cursor as a subscribe reply has: then PubNub answered, and not a portal before
 * it. */
bool pubnub_has_cursor(struct bytes reply);

/* [1,"Sent","timetoken"]; false for every other reply. */
bool pubnub_parse_publish(struct bytes reply, int64_t *timetoken);

/* [timetoken] */
bool pubnub_parse_time(struct bytes reply, int64_t *timetoken);

void pubnub_message_reset(struct pubnub_message *message);

#endif
