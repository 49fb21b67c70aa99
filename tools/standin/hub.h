/* SPDX-License-Identifier: Apache-2.0 */
/* Channels with a bounded memory of their last messages, and PubNub's timetokens. */
#ifndef IOTHSM_STANDIN_HUB_H
#define IOTHSM_STANDIN_HUB_H

#include <jansson.h>

#include "bytes.h"

enum { HUB_BUFFER_MESSAGES = 100, HUB_CHANNELS_MAX = 1024, HUB_REGION = 12 };

struct hub;

struct hub *hub_new(const char *subscribe_key);
void hub_free(struct hub *hub);

/* 100 ns units since 1970, strictly increasing over all calls. */
uint64_t hub_timetoken(struct hub *hub);

/* False when there are too many channels or no memory; the payload is referenced. */
bool hub_publish(struct hub *hub, const char *channel, const char *publisher, json_t *payload,
	uint64_t *timetoken);

/*
 * Appends the messages of the named channels after *cursor, oldest first, at most
 * HUB_BUFFER_MESSAGES, and moves *cursor to the last of them.
 */
void hub_collect(
	struct hub *hub, char *const *channels, size_t count, uint64_t *cursor, json_t *messages);

#endif
