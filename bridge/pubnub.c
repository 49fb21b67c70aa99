/* SPDX-License-Identifier: Apache-2.0 */
/* PubNub's REST forms: request URLs and the parsing of replies, which strangers can fill. */
#include "pubnub.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "json.h"
#include "rest.h"
#include "skim.h"
#include "uuid.h"

enum { TIMETOKEN_DIGITS_MAX = 18 };

bool pubnub_is_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > PUBNUB_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		/* A comma separates channels even when it is escaped. */
		if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == ',')
			return false;
	}
	return true;
}

bool pubnub_channels_add(struct pubnub_channels *channels, const char *name)
{
	size_t at = 0;

	while (at < channels->count && strcmp(channels->names[at], name) < 0)
		at++;
	if (at < channels->count && strcmp(channels->names[at], name) == 0)
		return true;
	if (channels->count == PUBNUB_CHANNELS_MAX || strlen(name) > PUBNUB_NAME_MAX)
		return false;
	memmove(channels->names[at + 1], channels->names[at],
		(channels->count - at) * sizeof(channels->names[0]));
	(void)strcpy(channels->names[at], name);
	channels->count++;
	return true;
}

static char *escape(const char *text)
{
	return rest_escape(bytes_of_text(text));
}

static char *join_channels(const struct pubnub_channels *channels)
{
	char *joined = NULL;

	for (size_t i = 0; i < channels->count; i++) {
		CLEANUP(free) char *before = joined;
		CLEANUP(free) char *name = escape(channels->names[i]);

		joined = NULL;
		if (!name || asprintf(&joined, "%s%s%s", before ? before : "", before ? "," : "",
				     name) < 0)
			return NULL;
	}
	return joined ? joined : strdup(",");
}

/* The query that every call carries. */
static char *make_query(const struct pubnub_keys *keys, const char *own)
{
	char request_id[UUID_TEXT_LEN + 1];
	char *query = NULL;
	CLEANUP(free) char *uuid = escape(keys->uuid);

	if (!uuid || !uuid_make(request_id) ||
		asprintf(&query, "?%s%suuid=%s&requestid=%s&pnsdk=iothsm-C%%2F" IOTHSM_VERSION, own,
			own[0] ? "&" : "", uuid, request_id) < 0)
		return NULL;
	return query;
}

char *pubnub_subscribe_url(const struct pubnub_keys *keys, const struct pubnub_channels *channels,
	const struct pubnub_cursor *cursor)
{
	char own[80] = "heartbeat=300";
	char *url = NULL;

	if (cursor->timetoken[0])
		(void)snprintf(own, sizeof(own), "heartbeat=300&tt=%s&tr=%d", cursor->timetoken,
			cursor->region);
	CLEANUP(free) char *query = make_query(keys, own);
	CLEANUP(free) char *names = join_channels(channels);
	CLEANUP(free) char *key = escape(keys->subscribe_key);

	if (!query || !names || !key ||
		asprintf(&url, "%s/v2/subscribe/%s/%s/0%s", keys->origin, key, names, query) < 0)
		return NULL;
	return url;
}

char *pubnub_leave_url(const struct pubnub_keys *keys, const struct pubnub_channels *channels)
{
	char *url = NULL;
	CLEANUP(free) char *query = make_query(keys, "");
	CLEANUP(free) char *names = join_channels(channels);
	CLEANUP(free) char *key = escape(keys->subscribe_key);

	if (!query || !names || !key ||
		asprintf(&url, "%s/v2/presence/sub-key/%s/channel/%s/leave%s", keys->origin, key,
			names, query) < 0)
		return NULL;
	return url;
}

char *pubnub_publish_url(const struct pubnub_keys *keys, const char *channel, const char *payload)
{
	char *url = NULL;
	CLEANUP(free) char *query = make_query(keys, "");
	CLEANUP(free) char *publish = escape(keys->publish_key);
	CLEANUP(free) char *subscribe = escape(keys->subscribe_key);
	CLEANUP(free) char *name = escape(channel);
	CLEANUP(free) char *text = escape(payload);

	if (!query || !publish || !subscribe || !name || !text ||
		asprintf(&url, "%s/publish/%s/%s/0/%s/0/%s%s", keys->origin, publish, subscribe,
			name, text, query) < 0)
		return NULL;
	return url;
}

char *pubnub_time_url(const struct pubnub_keys *keys)
{
	char *url = NULL;
	CLEANUP(free) char *query = make_query(keys, "");

	return query && asprintf(&url, "%s/time/0%s", keys->origin, query) >= 0 ? url : NULL;
}

size_t pubnub_url_cost(const struct pubnub_keys *keys, const char *url)
{
	return strlen(url) - strlen(keys->origin);
}

static bool parse_digits(const char *text, int64_t *timetoken)
{
	size_t len = strlen(text);

	if (len == 0 || len > TIMETOKEN_DIGITS_MAX || strspn(text, "0123456789") != len)
		return false;
	*timetoken = strtoll(text, NULL, 10);
	return true;
}

/* A timetoken is digits in a string, but a plain number in /time/0. */
static bool parse_timetoken(const json_t *value, int64_t *timetoken)
{
	if (json_is_integer(value) && json_integer_value(value) > 0) {
		*timetoken = json_integer_value(value);
		return true;
	}
	return json_is_string(value) && parse_digits(json_string_value(value), timetoken);
}

static bool parse_cursor(struct bytes text, struct pubnub_cursor *cursor)
{
	CLEANUP(json) json_t *value = json_parse(text);
	const json_t *region = json_object_get(value, "r");
	int64_t timetoken = 0;

	if (!parse_timetoken(json_object_get(value, "t"), &timetoken))
		return false;
	(void)snprintf(cursor->timetoken, sizeof(cursor->timetoken), "%lld", (long long)timetoken);
	cursor->region = json_is_integer(region) ? (int)(json_integer_value(region) & 0xffff) : 0;
	return true;
}

static bool copy_name(const json_t *envelope, const char *key, char out[PUBNUB_NAME_MAX + 1])
{
	const char *text = json_text(envelope, key);

	if (!text || !pubnub_is_name(text))
		return false;
	(void)strcpy(out, text);
	return true;
}

static bool parse_message(struct bytes text, struct pubnub_message *message)
{
	CLEANUP(json) json_t *envelope = json_parse(text);
	const json_t *type = json_object_get(envelope, "e");

	*message = (struct pubnub_message){ 0 };
	/* Absent and 0 alike: the other types are signals, objects, actions and files. */
	if (!json_is_object(envelope) || (type && json_integer_value(type) != 0))
		return false;
	if (!copy_name(envelope, "i", message->publisher) ||
		!copy_name(envelope, "c", message->channel))
		return false;
	if (!parse_timetoken(
		    json_object_get(json_object_get(envelope, "p"), "t"), &message->published))
		message->published = 0;
	message->payload = json_incref(json_object_get(envelope, "d"));
	return message->payload != NULL;
}

void pubnub_message_reset(struct pubnub_message *message)
{
	json_decref(message->payload);
	message->payload = NULL;
}

static bool take_messages(struct bytes list, pubnub_take *take, void *context, size_t *dropped)
{
	struct skim skim;
	struct bytes element;
	size_t count = 0;

	if (!skim_array(&skim, list))
		return false;
	while (count < PUBNUB_MESSAGES_MAX && skim_next(&skim, NULL, &element)) {
		struct pubnub_message message;

		count++;
		if (parse_message(element, &message))
			take(context, &message);
		else
			(*dropped)++;
		pubnub_message_reset(&message);
	}
	return true;
}

bool pubnub_parse_subscribe(struct bytes reply, struct pubnub_cursor *cursor, pubnub_take *take,
	void *context, size_t *dropped)
{
	struct skim skim;
	struct bytes key;
	struct bytes value;
	struct bytes cursor_text = { 0 };
	struct bytes messages = { 0 };

	*dropped = 0;
	if (!skim_object(&skim, reply))
		return false;
	while (skim_next(&skim, &key, &value)) {
		if (bytes_equal(key, bytes_of_text("t")))
			cursor_text = value;
		else if (bytes_equal(key, bytes_of_text("m")))
			messages = value;
	}
	struct pubnub_cursor next;

	if (!skim_is_complete(&skim) || !parse_cursor(cursor_text, &next) ||
		!take_messages(messages, take, context, dropped))
		return false;
	*cursor = next;
	return true;
}

bool pubnub_has_cursor(struct bytes reply)
{
	struct skim skim;
	struct bytes key;
	struct bytes value;
	struct pubnub_cursor cursor;

	if (!skim_object(&skim, reply))
		return false;
	while (skim_next(&skim, &key, &value)) {
		if (bytes_equal(key, bytes_of_text("t")))
			return parse_cursor(value, &cursor);
	}
	return false;
}

bool pubnub_parse_publish(struct bytes reply, int64_t *timetoken)
{
	CLEANUP(json) json_t *value = json_parse(reply);

	return json_is_array(value) && json_integer_value(json_array_get(value, 0)) == 1 &&
	       parse_timetoken(json_array_get(value, 2), timetoken);
}

bool pubnub_parse_time(struct bytes reply, int64_t *timetoken)
{
	CLEANUP(json) json_t *value = json_parse(reply);

	return json_is_array(value) && parse_timetoken(json_array_get(value, 0), timetoken);
}
