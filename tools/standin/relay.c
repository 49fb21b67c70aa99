/* SPDX-License-Identifier: Apache-2.0 */
/* The PubNub side of the stand-in: subscribe with held polls, publish, time, presence. */
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <zlib.h>

#include "cleanup.h"
#include "json.h"
#include "server.h"

/* PubNub counts the request line as it is sent, channel and payload escaped. */
enum {
	RELAY_REQUEST_MAX = 32 * 1024,
	RELAY_NAME_MAX = 92,
	RELAY_NAMES_MAX = 128,
	GZIP_WINDOW_BITS = 15 + 16
};

struct relay_names {
	char *names[RELAY_NAMES_MAX];
	size_t count;
};

/* What happens when the time of a held request is over. */
enum waiter_end { WAITER_ANSWER, WAITER_CLOSE, WAITER_RESET };

/* A held poll, or a request that gets no answer at all. */
struct waiter {
	struct waiter *next;
	struct standin *standin;
	struct evhttp_request *request;
	struct event *timeout;
	struct relay_names channels;
	uint64_t cursor;
	enum waiter_end end;
	bool driver;
};

static void names_reset(struct relay_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	names->count = 0;
}

/* Names are joined by literal commas; a comma alone, escaped or not, is no channel. */
static bool parse_names(const char *segment, struct relay_names *names)
{
	CLEANUP(free) char *copy = strdup(segment);
	char *rest = copy;

	while (rest) {
		char *name = evhttp_uridecode(strsep(&rest, ","), 0, NULL);

		if (!name || names->count == RELAY_NAMES_MAX || strlen(name) > RELAY_NAME_MAX) {
			free(name);
			return false;
		}
		if (name[0] == '\0' || strcmp(name, ",") == 0)
			free(name);
		else
			names->names[names->count++] = name;
	}
	return copy != NULL;
}

static json_t *timetoken_text(uint64_t timetoken)
{
	return json_sprintf("%017llu", (unsigned long long)timetoken);
}

static void reply_messages(struct evhttp_request *request, uint64_t cursor, json_t *messages)
{
	endpoint_reply(request, HTTP_OK,
		json_pack("{s:{s:o, s:i}, s:o}", "t", "t", timetoken_text(cursor), "r", HUB_REGION,
			"m", messages));
}

static json_t *reversed(const json_t *messages)
{
	json_t *result = json_array();

	for (size_t i = json_array_size(messages); i > 0; i--)
		(void)json_array_append(result, json_array_get(messages, i - 1));
	return result;
}

/* As they are, unless their delivery meets a fault; takes the messages over. */
static json_t *disturb(struct standin *standin, bool driver, json_t *messages)
{
	struct fault fault = { 0 };

	if (!driver && json_array_size(messages) > 0)
		fault = fault_take(&standin->faults, FAULT_MESSAGES);
	if (fault.kind == FAULT_NONE)
		return messages;
	json_t *result = fault.kind == FAULT_REVERSE ? reversed(messages) : json_copy(messages);

	if (fault.kind == FAULT_DUPLICATE)
		(void)json_array_extend(result, messages);
	json_decref(messages);
	return result;
}

static bool key_is_own(struct exchange *exchange, const char *key)
{
	if (strcmp(key, exchange->standin->identity.subscribe_key) == 0)
		return true;
	endpoint_reply(exchange->request, HTTP_BADREQUEST,
		json_pack("{s:s, s:b, s:s, s:i}", "message", "Invalid Subscribe Key", "error", 1,
			"service", "Access Manager", "status", HTTP_BADREQUEST));
	return false;
}

/* --- held polls --- */

static void waiter_free(struct waiter *waiter)
{
	struct waiter **place = &waiter->standin->waiters;

	while (*place != waiter)
		place = &(*place)->next;
	*place = waiter->next;
	if (waiter->request)
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(waiter->request), NULL, NULL);
	event_free(waiter->timeout);
	names_reset(&waiter->channels);
	free(waiter);
}

static void on_close(struct evhttp_connection *connection, void *waiter)
{
	(void)connection;
	waiter_free(waiter);
}

/* The waiter is gone before the reply is sent: sending may close the connection at once. */
static void waiter_answer(struct waiter *waiter, json_t *messages)
{
	struct evhttp_request *request = waiter->request;
	uint64_t cursor = waiter->cursor;
	json_t *disturbed = disturb(waiter->standin, waiter->driver, messages);

	waiter_free(waiter);
	reply_messages(request, cursor, disturbed);
}

/* With a linger time of nothing the kernel sends a reset. */
static void waiter_drop(struct waiter *waiter)
{
	const struct linger none = { 1, 0 };
	struct evhttp_connection *connection = evhttp_request_get_connection(waiter->request);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));

	if (waiter->end == WAITER_RESET)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	waiter_free(waiter);
	evhttp_connection_free(connection);
}

static void on_timeout(evutil_socket_t fd, short events, void *context)
{
	struct waiter *waiter = context;

	(void)fd;
	(void)events;
	if (waiter->end == WAITER_ANSWER)
		waiter_answer(waiter, json_array());
	else
		waiter_drop(waiter);
}

static struct waiter *hold(struct exchange *exchange, unsigned hold_ms)
{
	struct standin *standin = exchange->standin;
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	struct timeval timeout = { hold_ms / 1000, hold_ms % 1000 * 1000 };

	if (!waiter)
		return NULL;
	waiter->timeout = evtimer_new(standin->base, on_timeout, waiter);
	if (!waiter->timeout || evtimer_add(waiter->timeout, &timeout) != 0) {
		if (waiter->timeout)
			event_free(waiter->timeout);
		free(waiter);
		return NULL;
	}
	waiter->standin = standin;
	waiter->request = exchange->request;
	waiter->driver = endpoint_is_driver(exchange);
	waiter->next = standin->waiters;
	standin->waiters = waiter;
	evhttp_connection_set_closecb(
		evhttp_request_get_connection(exchange->request), on_close, waiter);
	return waiter;
}

static bool hold_poll(struct exchange *exchange, struct relay_names *names, uint64_t cursor)
{
	struct waiter *waiter = hold(exchange, exchange->standin->hold_ms);

	if (!waiter)
		return false;
	waiter->channels = *names;
	waiter->cursor = cursor;
	*names = (struct relay_names){ 0 };
	return true;
}

void relay_drop(struct exchange *exchange, unsigned after_ms, bool reset)
{
	struct waiter *waiter = hold(exchange, after_ms);

	if (waiter)
		waiter->end = reset ? WAITER_RESET : WAITER_CLOSE;
	else
		evhttp_send_error(exchange->request, HTTP_INTERNAL, NULL);
}

static bool waiter_awaits(const struct waiter *waiter, const char *channel)
{
	for (size_t i = 0; i < waiter->channels.count; i++) {
		if (strcmp(waiter->channels.names[i], channel) == 0)
			return true;
	}
	return false;
}

static struct waiter *next_awaiting(struct standin *standin, const char *channel)
{
	for (struct waiter *waiter = standin->waiters; waiter; waiter = waiter->next) {
		if (waiter_awaits(waiter, channel))
			return waiter;
	}
	return NULL;
}

/* Starts anew after each answer, which may have freed any other waiter. */
static void wake_waiters(struct standin *standin, const char *channel)
{
	struct waiter *waiter = NULL;

	while ((waiter = next_awaiting(standin, channel)) != NULL) {
		json_t *messages = json_array();

		hub_collect(standin->hub, waiter->channels.names, waiter->channels.count,
			&waiter->cursor, messages);
		waiter_answer(waiter, messages);
	}
}

void relay_release_waiters(struct standin *standin)
{
	while (standin->waiters)
		waiter_free(standin->waiters);
}

static void subscribe(struct exchange *exchange, struct relay_names *names)
{
	struct hub *hub = exchange->standin->hub;
	const char *text = evhttp_find_header(&exchange->query, "tt");
	uint64_t cursor = text ? strtoull(text, NULL, 10) : 0;

	if (cursor == 0) {
		reply_messages(exchange->request, hub_timetoken(hub), json_array());
		return;
	}
	json_t *messages = json_array();

	hub_collect(hub, names->names, names->count, &cursor, messages);
	if (json_array_size(messages) == 0 && hold_poll(exchange, names, cursor))
		json_decref(messages);
	else
		reply_messages(exchange->request, cursor,
			disturb(exchange->standin, endpoint_is_driver(exchange), messages));
}

void relay_subscribe(struct exchange *exchange)
{
	struct relay_names names = { 0 };

	if (!key_is_own(exchange, exchange->segments[2]))
		return;
	if (parse_names(exchange->segments[3], &names))
		subscribe(exchange, &names);
	else
		endpoint_reply(exchange->request, HTTP_BADREQUEST,
			json_pack("{s:s, s:b, s:i}", "message", "Invalid Channel", "error", 1,
				"status", HTTP_BADREQUEST));
	names_reset(&names);
}

/* --- publish --- */

static void reply_published(struct exchange *exchange, const char *fault, uint64_t timetoken)
{
	endpoint_reply(exchange->request, fault ? HTTP_BADREQUEST : HTTP_OK,
		json_pack("[i, s, o]", fault ? 0 : 1, fault ? fault : "Sent",
			timetoken_text(timetoken)));
}

static json_t *parse_gzip(struct bytes body)
{
	CLEANUP(free) uint8_t *text = malloc(RELAY_REQUEST_MAX);
	z_stream stream = { .next_in = (z_const Bytef *)(uintptr_t)body.data,
		.avail_in = (uInt)body.len,
		.next_out = text,
		.avail_out = RELAY_REQUEST_MAX };

	if (!text || inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
		return NULL;
	int status = inflate(&stream, Z_FINISH);
	size_t len = stream.total_out;

	(void)inflateEnd(&stream);
	return status == Z_STREAM_END ? json_parse(bytes_of(text, len)) : NULL;
}

static json_t *parse_payload(struct exchange *exchange, struct bytes body)
{
	const char *encoding = evhttp_find_header(
		evhttp_request_get_input_headers(exchange->request), "Content-Encoding");

	if (exchange->count == 6)
		return encoding && strcasecmp(encoding, "gzip") == 0 ? parse_gzip(body)
								     : json_parse(body);
	size_t len = 0;
	CLEANUP(free) char *text = evhttp_uridecode(exchange->segments[6], 0, &len);

	return text ? json_parse(bytes_of(text, len)) : NULL;
}

/* NULL when it was published, else the words of PubNub's refusal. */
static const char *publish(struct exchange *exchange, const char *channel, uint64_t *timetoken)
{
	const struct identity *identity = &exchange->standin->identity;
	const char *uuid = evhttp_find_header(&exchange->query, "uuid");
	struct bytes body = endpoint_body(exchange);

	if (strlen(evhttp_request_get_uri(exchange->request)) + body.len > RELAY_REQUEST_MAX)
		return "Message Too Large";
	if (strcmp(exchange->segments[1], identity->publish_key) != 0 ||
		strcmp(exchange->segments[2], identity->subscribe_key) != 0)
		return "Invalid Key";
	if (!channel || channel[0] == '\0' || strchr(channel, ',') ||
		strlen(channel) > RELAY_NAME_MAX)
		return "Invalid Channel";
	CLEANUP(json) json_t *payload = parse_payload(exchange, body);

	if (!payload)
		return "Invalid JSON";
	return hub_publish(exchange->standin->hub, channel, uuid ? uuid : "", payload, timetoken)
		       ? NULL
		       : "Out Of Memory";
}

/* The publisher has its answer before the subscribers have the message. */
void relay_publish(struct exchange *exchange)
{
	struct standin *standin = exchange->standin;
	CLEANUP(free) char *channel = evhttp_uridecode(exchange->segments[4], 0, NULL);
	uint64_t timetoken = hub_timetoken(standin->hub);
	const char *fault = publish(exchange, channel, &timetoken);

	reply_published(exchange, fault, timetoken);
	if (!fault)
		wake_waiters(standin, channel);
}

bool relay_send(
	struct standin *standin, const char *channel, const char *publisher, json_t *payload)
{
	uint64_t timetoken = 0;

	if (!hub_publish(standin->hub, channel, publisher, payload, &timetoken))
		return false;
	wake_waiters(standin, channel);
	return true;
}

/* --- time and presence --- */

void relay_time(struct exchange *exchange)
{
	endpoint_reply(exchange->request, HTTP_OK,
		json_pack("[I]", (json_int_t)hub_timetoken(exchange->standin->hub)));
}

static void reply_presence(struct exchange *exchange, json_t *reply)
{
	(void)json_object_set_new(reply, "service", json_string("Presence"));
	endpoint_reply(exchange->request, HTTP_OK, reply);
}

void relay_leave(struct exchange *exchange)
{
	if (key_is_own(exchange, exchange->segments[3]))
		reply_presence(exchange, json_pack("{s:i, s:s, s:s}", "status", HTTP_OK, "message",
						 "OK", "action", "leave"));
}

void relay_heartbeat(struct exchange *exchange)
{
	if (key_is_own(exchange, exchange->segments[3]))
		reply_presence(
			exchange, json_pack("{s:i, s:s}", "status", HTTP_OK, "message", "OK"));
}
