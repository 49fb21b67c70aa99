/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints of the stand-in by one table, and how they answer. */
#include <event2/buffer.h>
#include <stdlib.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "peer.h"
#include "server.h"

/* A pattern's segments are compared as they are; "*" takes any one. */
static const struct endpoint {
	enum evhttp_cmd_type method;
	const char *pattern;
	void (*serve)(struct exchange *exchange);
	enum fault_place place;
} endpoints[] = {
	{ EVHTTP_REQ_POST, "api/public/getiotconnectiondata", api_register, FAULT_REGISTER },
	{ EVHTTP_REQ_POST, "api/public/delivercrl/*/*", api_deliver_crl, FAULT_DELIVER },
	{ EVHTTP_REQ_GET, "standin/crl/*", api_download_crl, FAULT_NOWHERE },
	{ EVHTTP_REQ_POST, "standin/fault", control_set_fault, FAULT_NOWHERE },
	{ EVHTTP_REQ_GET, "standin/fault/*", control_show_fault, FAULT_NOWHERE },
	{ EVHTTP_REQ_POST, "standin/inject/*", control_inject, FAULT_NOWHERE },
	{ EVHTTP_REQ_GET, "v2/subscribe/*/*/0", relay_subscribe, FAULT_SUBSCRIBE },
	{ EVHTTP_REQ_GET, "publish/*/*/0/*/0/*", relay_publish, FAULT_PUBLISH },
	{ EVHTTP_REQ_POST, "publish/*/*/0/*/0", relay_publish, FAULT_PUBLISH },
	{ EVHTTP_REQ_GET, "v2/presence/sub-key/*/channel/*/leave", relay_leave, FAULT_LEAVE },
	{ EVHTTP_REQ_GET, "v2/presence/sub-key/*/channel/*/heartbeat", relay_heartbeat,
		FAULT_NOWHERE },
	{ EVHTTP_REQ_GET, "time/0", relay_time, FAULT_TIME },
};

void endpoint_reply(struct evhttp_request *request, int status, json_t *body)
{
	CLEANUP(json) json_t *owned = body;
	CLEANUP(free) char *text = json_print(owned);
	struct evbuffer *output = evbuffer_new();

	if (!text || !output || evbuffer_add(output, text, strlen(text)) != 0) {
		log_error("standin: out of memory for a reply");
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	} else {
		evhttp_send_reply(request, status, NULL, output);
	}
	if (output)
		evbuffer_free(output);
}

struct bytes endpoint_body(struct exchange *exchange)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(exchange->request);
	size_t len = evbuffer_get_length(input);

	return bytes_of(len > 0 ? evbuffer_pullup(input, -1) : NULL, len);
}

bool endpoint_is_driver(const struct exchange *exchange)
{
	const char *client = evhttp_find_header(&exchange->query, "pnsdk");

	return client && strcmp(client, PEER_CLIENT_NAME) == 0;
}

/* Cuts a copy of the path in place; false when it has too many segments. */
static bool split_path(char *path, struct exchange *exchange)
{
	char *rest = path[0] == '/' ? path + 1 : path;

	while (rest) {
		if (exchange->count == SERVER_SEGMENTS_MAX)
			return false;
		exchange->segments[exchange->count++] = strsep(&rest, "/");
	}
	return true;
}

static bool matches(const struct exchange *exchange, const char *pattern)
{
	for (size_t i = 0; i < exchange->count; i++) {
		size_t len = strcspn(pattern, "/");
		bool any = len == 1 && pattern[0] == '*';
		bool last = pattern[len] == '\0';

		if (!any && (strlen(exchange->segments[i]) != len ||
				    strncmp(exchange->segments[i], pattern, len) != 0))
			return false;
		if (last)
			return i + 1 == exchange->count;
		pattern += len + 1;
	}
	return false;
}

static const struct endpoint *find_endpoint(const struct exchange *exchange)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(exchange->request);

	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		if (endpoints[i].method == method && matches(exchange, endpoints[i].pattern))
			return &endpoints[i];
	}
	return NULL;
}

static void serve(struct exchange *exchange)
{
	const struct endpoint *endpoint = find_endpoint(exchange);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->request);

	if (!endpoint) {
		evhttp_send_error(exchange->request, HTTP_NOTFOUND, NULL);
		return;
	}
	(void)evhttp_add_header(headers, "Content-Type",
		strncmp(endpoint->pattern, "api/", 4) == 0 ? "application/json"
							   : "text/javascript; charset=\"UTF-8\"");
	if (endpoint_is_driver(exchange) || !outage_play(exchange, endpoint->place))
		endpoint->serve(exchange);
}

void endpoint_dispatch(struct evhttp_request *request, void *standin)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = evhttp_uri_get_path(uri);
	const char *query = evhttp_uri_get_query(uri);
	struct exchange exchange = { .standin = standin, .request = request };
	CLEANUP(free) char *copy = strdup(path ? path : "/");

	if (!copy || !split_path(copy, &exchange) ||
		evhttp_parse_query_str(query ? query : "", &exchange.query) != 0) {
		evhttp_send_error(request, HTTP_BADREQUEST, NULL);
		return;
	}
	serve(&exchange);
	evhttp_clear_headers(&exchange.query);
}
