/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoints of the stand-in share; all of it is used by the event loop's thread only. */
#ifndef IOTHSM_STANDIN_SERVER_H
#define IOTHSM_STANDIN_SERVER_H

#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <limits.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "delivery.h"
#include "fault.h"
#include "hub.h"
#include "identity.h"
#include "standin.h"

enum {
	SERVER_HOLD_MS = 280 * 1000,
	SERVER_HEADERS_MAX = 256 * 1024,
	SERVER_BODY_MAX = 2 * 1024 * 1024,
	SERVER_IDLE_SECONDS = 60,
	SERVER_SEGMENTS_MAX = 10
};

struct waiter;

struct standin {
	char directory[PATH_MAX - 64];
	char ca_directory[PATH_MAX];
	char url[64];
	unsigned hold_ms;
	struct identity identity;
	struct hub *hub;
	struct delivery_box deliveries;
	struct waiter *waiters;
	struct faults faults; /* has a lock of its own */
	SSL_CTX *tls;
	struct event_base *base;
	struct evhttp *http;
	struct event *stop_event;
	int stop_fd;
	pthread_t thread;
};

/* One request: its path cut at the slashes, still percent-encoded, and its query decoded. */
struct exchange {
	struct standin *standin;
	struct evhttp_request *request;
	char *segments[SERVER_SEGMENTS_MAX];
	size_t count;
	struct evkeyvalq query;
};

/* The callback of every request: finds the endpoint and calls it. */
void endpoint_dispatch(struct evhttp_request *request, void *standin);

/* Sends JSON and releases it. */
void endpoint_reply(struct evhttp_request *request, int status, json_t *body);

/* The body, empty when there is none; belongs to the request. */
struct bytes endpoint_body(struct exchange *exchange);

/* The endpoints, by area. */
void relay_subscribe(struct exchange *exchange);
void relay_publish(struct exchange *exchange);
void relay_leave(struct exchange *exchange);
void relay_heartbeat(struct exchange *exchange);
void relay_time(struct exchange *exchange);
void relay_release_waiters(struct standin *standin);

/* Ends the connection after some time without an answer, by a reset or in good order. */
void relay_drop(struct exchange *exchange, unsigned after_ms, bool reset);

/* Publishes without PubNub's limits; false without memory. */
bool relay_send(
	struct standin *standin, const char *channel, const char *publisher, json_t *payload);

/* Lets the request fail if it meets a fault; false when it does not. */
bool outage_play(struct exchange *exchange, enum fault_place place);

/* Whether the request comes from a driver of the stand-in, which meets no faults. */
bool endpoint_is_driver(const struct exchange *exchange);

void api_register(struct exchange *exchange);
void api_deliver_crl(struct exchange *exchange);
void api_download_crl(struct exchange *exchange);

void control_set_fault(struct exchange *exchange);
void control_show_fault(struct exchange *exchange);
void control_inject(struct exchange *exchange);

#endif
