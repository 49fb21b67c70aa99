/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's HTTPS requests to a running stand-in: as a PubNub peer of its own, and for delivered
 * CRLs. */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "log.h"

enum {
	PEER_POLL_TIMEOUT_MS = 310 * 1000,
	PEER_CALL_TIMEOUT_MS = 15 * 1000,
	PEER_REPLY_MAX = 8 * 1024 * 1024,
	PEER_GET_MAX = 30 * 1024
};

static bool read_url(struct peer *peer, const char *directory)
{
	char path[PATH_MAX];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s/url", directory);
	CLEANUP(free) char *url = file_read(path, sizeof(peer->url) - 1, &len);

	if (!url)
		return false;
	(void)strcpy(peer->url, url);
	peer->url[strcspn(peer->url, "\r\n")] = '\0';
	return true;
}

bool peer_open(struct peer *peer, const char *directory)
{
	*peer = (struct peer){ 0 };
	(void)snprintf(peer->tls_ca, sizeof(peer->tls_ca), "%s/tls_ca.pem", directory);
	if (read_url(peer, directory) && identity_make_uuid(peer->uuid) &&
		identity_load(&peer->identity, directory))
		return true;
	log_error("standin: no stand-in runs in this directory, or its files may not be read "
		  "directory=%s",
		directory);
	return false;
}

void peer_close(struct peer *peer)
{
	identity_reset(&peer->identity);
}

struct rest *peer_connect(const struct peer *peer)
{
	return rest_new(peer->tls_ca);
}

static bool is_good(CK_RV rv, const struct rest_reply *reply, const char *what)
{
	struct log_quoted quoted;

	if (rv == CKR_OK && reply->status == 200)
		return true;
	if (rv == CKR_OK)
		log_warn("standin: %s failed status=%ld reply=%s", what, reply->status,
			log_quote(&quoted, bytes_of(reply->body, reply->len)));
	else
		log_warn("standin: %s failed error=%s", what, reply->error);
	return false;
}

/* The publish URL, with the payload in it unless that makes it too long. */
static char *publish_url(
	const struct peer *peer, const char *channel, const char *payload, bool *by_post)
{
	CLEANUP(free) char *escaped = rest_escape(bytes_of_text(payload));
	char *url = NULL;

	if (!escaped)
		return NULL;
	*by_post = strlen(escaped) > PEER_GET_MAX;
	int len = asprintf(&url, "%s/publish/%s/%s/0/%s/0%s%s?uuid=%s&pnsdk=" PEER_CLIENT_NAME,
		peer->url, peer->identity.publish_key, peer->identity.subscribe_key, channel,
		*by_post ? "" : "/", *by_post ? "" : escaped, peer->uuid);

	return len >= 0 ? url : NULL;
}

bool peer_publish(
	const struct peer *peer, struct rest *rest, const char *channel, const char *payload)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	bool by_post = false;
	CLEANUP(free) char *url = publish_url(peer, channel, payload, &by_post);
	const struct rest_request request = { .url = url,
		.headers = headers,
		.body = by_post ? bytes_of_text(payload) : bytes_of(NULL, 0),
		.timeout_ms = PEER_CALL_TIMEOUT_MS,
		.reply_max = PEER_REPLY_MAX };
	struct rest_reply reply = { 0 };

	if (!url)
		return false;
	bool published = is_good(rest_send(rest, &request, &reply), &reply, "publish");

	rest_reply_reset(&reply);
	return published;
}

/* Takes cursor and messages out of a subscribe reply. */
static bool take_messages(
	const struct rest_reply *reply, char timetoken[PEER_TIMETOKEN_SIZE], json_t **messages)
{
	CLEANUP(json)
	json_t *object = json_parse_bounded(bytes_of(reply->body, reply->len), PEER_REPLY_MAX);
	const char *cursor = json_text(json_object_get(object, "t"), "t");
	json_t *array = json_object_get(object, "m");

	if (!cursor || strlen(cursor) >= PEER_TIMETOKEN_SIZE || !json_is_array(array))
		return false;
	(void)strcpy(timetoken, cursor);
	*messages = json_incref(array);
	return true;
}

bool peer_poll(const struct peer *peer, struct rest *rest, const char *channel,
	char timetoken[PEER_TIMETOKEN_SIZE], const atomic_bool *cancel, json_t **messages)
{
	CLEANUP(free) char *url = NULL;
	struct rest_reply reply = { 0 };

	if (asprintf(&url,
		    "%s/v2/subscribe/%s/%s/0?heartbeat=300&uuid=%s&pnsdk=" PEER_CLIENT_NAME "%s%s",
		    peer->url, peer->identity.subscribe_key, channel, peer->uuid,
		    timetoken[0] ? "&tt=" : "", timetoken) < 0)
		return false;
	const struct rest_request request = { .url = url,
		.timeout_ms = PEER_POLL_TIMEOUT_MS,
		.reply_max = PEER_REPLY_MAX,
		.cancel = cancel };
	CK_RV rv = rest_send(rest, &request, &reply);
	bool polled = !(cancel && atomic_load(cancel)) && is_good(rv, &reply, "subscribe") &&
		      take_messages(&reply, timetoken, messages);

	rest_reply_reset(&reply);
	return polled;
}

int peer_control(const struct peer *peer, struct rest *rest, const char *path, const char *body)
{
	CLEANUP(free) char *url = NULL;
	struct rest_reply reply = { 0 };

	if (asprintf(&url, "%s/standin/%s", peer->url, path) < 0)
		return -1;
	const struct rest_request request = { .url = url,
		.body = body ? bytes_of_text(body) : bytes_of(NULL, 0),
		.timeout_ms = PEER_CALL_TIMEOUT_MS,
		.reply_max = PEER_REPLY_MAX };
	bool good = is_good(rest_send(rest, &request, &reply), &reply, "control");
	CLEANUP(json) json_t *object = good ? json_parse(bytes_of(reply.body, reply.len)) : NULL;

	rest_reply_reset(&reply);
	return object ? (int)json_integer_value(json_object_get(object, "met")) : -1;
}

char *peer_fetch_crl(const struct peer *peer, struct rest *rest, const char *siguuid)
{
	CLEANUP(free) char *url = NULL;
	struct rest_reply reply = { 0 };

	if (asprintf(&url, "%s/standin/crl/%s", peer->url, siguuid) < 0)
		return NULL;
	const struct rest_request request = {
		.url = url, .timeout_ms = PEER_CALL_TIMEOUT_MS, .reply_max = PEER_REPLY_MAX
	};
	bool good = is_good(rest_send(rest, &request, &reply), &reply, "download of a CRL");
	CLEANUP(json)
	json_t *object =
		good ? json_parse_bounded(bytes_of(reply.body, reply.len), PEER_REPLY_MAX) : NULL;
	const char *pem = json_text(object, "crl");

	rest_reply_reset(&reply);
	return pem ? strdup(pem) : NULL;
}
