/* SPDX-License-Identifier: Apache-2.0 */
/* Channels with a bounded memory of their last messages, and PubNub's timetokens. */
#include "hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct hub_message {
	uint64_t timetoken;
	json_t *envelope;
};

/* A ring: the message number n (from 0) is at n % HUB_BUFFER_MESSAGES. */
struct hub_channel {
	char *name;
	struct hub_message ring[HUB_BUFFER_MESSAGES];
	size_t published;
};

struct hub {
	char *subscribe_key;
	uint64_t last;
	struct hub_channel *channels[HUB_CHANNELS_MAX];
	size_t count;
};

struct hub *hub_new(const char *subscribe_key)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return NULL;
	hub->subscribe_key = strdup(subscribe_key);
	if (!hub->subscribe_key) {
		hub_free(hub);
		return NULL;
	}
	return hub;
}

static void channel_free(struct hub_channel *channel)
{
	for (size_t i = 0; i < HUB_BUFFER_MESSAGES; i++)
		json_decref(channel->ring[i].envelope);
	free(channel->name);
	free(channel);
}

void hub_free(struct hub *hub)
{
	if (!hub)
		return;
	for (size_t i = 0; i < hub->count; i++)
		channel_free(hub->channels[i]);
	free(hub->subscribe_key);
	free(hub);
}

uint64_t hub_timetoken(struct hub *hub)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t ticks = (uint64_t)now.tv_sec * 10000000 + (uint64_t)now.tv_nsec / 100;

	hub->last = ticks > hub->last ? ticks : hub->last + 1;
	return hub->last;
}

static struct hub_channel *find_channel(struct hub *hub, const char *name)
{
	for (size_t i = 0; i < hub->count; i++) {
		if (strcmp(hub->channels[i]->name, name) == 0)
			return hub->channels[i];
	}
	return NULL;
}

static struct hub_channel *add_channel(struct hub *hub, const char *name)
{
	if (hub->count == HUB_CHANNELS_MAX)
		return NULL;
	struct hub_channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return NULL;
	channel->name = strdup(name);
	if (!channel->name) {
		free(channel);
		return NULL;
	}
	hub->channels[hub->count++] = channel;
	return channel;
}

/* Without "e": the reference's SDK loses a message that has e:0. */
static json_t *make_envelope(const struct hub *hub, const char *channel, const char *publisher,
	json_t *payload, uint64_t timetoken)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%017llu", (unsigned long long)timetoken);
	return json_pack("{s:s, s:i, s:s, s:{s:s, s:i}, s:s, s:s, s:O}", "a", "2", "f", 0, "i",
		publisher, "p", "t", digits, "r", HUB_REGION, "k", hub->subscribe_key, "c", channel,
		"d", payload);
}

bool hub_publish(struct hub *hub, const char *name, const char *publisher, json_t *payload,
	uint64_t *timetoken)
{
	struct hub_channel *channel = find_channel(hub, name);

	if (!channel)
		channel = add_channel(hub, name);
	if (!channel)
		return false;
	uint64_t now = hub_timetoken(hub);
	json_t *envelope = make_envelope(hub, name, publisher, payload, now);

	if (!envelope)
		return false;
	struct hub_message *place = &channel->ring[channel->published++ % HUB_BUFFER_MESSAGES];

	json_decref(place->envelope);
	*place = (struct hub_message){ now, envelope };
	*timetoken = now;
	return true;
}

/* The oldest kept message of a channel after the cursor. */
static const struct hub_message *next_in_channel(const struct hub_channel *channel, uint64_t cursor)
{
	size_t oldest = channel->published > HUB_BUFFER_MESSAGES
				? channel->published - HUB_BUFFER_MESSAGES
				: 0;

	for (size_t n = oldest; n < channel->published; n++) {
		const struct hub_message *message = &channel->ring[n % HUB_BUFFER_MESSAGES];

		if (message->timetoken > cursor)
			return message;
	}
	return NULL;
}

static const struct hub_message *next_message(
	struct hub *hub, char *const *channels, size_t count, uint64_t cursor)
{
	const struct hub_message *next = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct hub_channel *channel = find_channel(hub, channels[i]);
		const struct hub_message *candidate =
			channel ? next_in_channel(channel, cursor) : NULL;

		if (candidate && (!next || candidate->timetoken < next->timetoken))
			next = candidate;
	}
	return next;
}

void hub_collect(
	struct hub *hub, char *const *channels, size_t count, uint64_t *cursor, json_t *messages)
{
	while (json_array_size(messages) < HUB_BUFFER_MESSAGES) {
		const struct hub_message *message = next_message(hub, channels, count, *cursor);

		if (!message || json_array_append(messages, message->envelope) != 0)
			return;
		*cursor = message->timetoken;
	}
}
