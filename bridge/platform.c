/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's HTTPS interface, and the check of everything that it signs. */
#include "platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "certificate.h"
#include "cleanup.h"
#include "envelope.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "message.h"
#include "wallclock.h"

enum { ANCHOR_FILE_MAX = 256 * 1024 };

struct platform {
	const struct config *config;
	X509_STORE *store; /* nothing but the pinned anchors */
};

static CK_RV load_anchors(const char *path, X509_STORE *store)
{
	size_t len = 0;
	CLEANUP(free) char *text = file_read(path, ANCHOR_FILE_MAX, &len);
	CLEANUP(x509_stack)
	STACK_OF(X509) *anchors = text ? certificate_parse_bundle(NULL, bytes_of(text, len)) : NULL;

	if (!anchors) {
		log_error("platform: no certificate can be read platform_ca=%s reason=\"%s\"", path,
			text ? "it holds none" : strerror(errno));
		return CKR_ARGUMENTS_BAD;
	}
	for (int i = 0; i < sk_X509_num(anchors); i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1)
			return CKR_HOST_MEMORY;
	}
	return CKR_OK;
}

CK_RV platform_open(const struct config *config, struct platform **out)
{
	struct platform *platform = calloc(1, sizeof(*platform));

	if (!platform)
		return CKR_HOST_MEMORY;
	platform->config = config;
	platform->store = X509_STORE_new();
	CK_RV rv = platform->store ? load_anchors(config->platform_ca, platform->store)
				   : CKR_HOST_MEMORY;

	if (rv != CKR_OK) {
		platform_close(platform);
		return rv;
	}
	*out = platform;
	return CKR_OK;
}

void platform_close(struct platform *platform)
{
	if (!platform)
		return;
	X509_STORE_free(platform->store);
	free(platform);
}

bool platform_verify(struct platform *platform, struct bytes text, uint8_t **content, size_t *len,
	X509 **signer, const char **reason)
{
	CLEANUP(openssl) uint8_t *verified = NULL;
	CLEANUP(x509) X509 *cert = NULL;
	size_t verified_len = 0;
	int64_t signed_s = 0;

	if (!envelope_verify(platform->store, text, &verified, &verified_len, &cert, &signed_s)) {
		*reason = "no valid signature of the platform";
		return false;
	}
	if (llabs(wallclock_now_s() - signed_s) > platform->config->signing_window_s) {
		*reason = "signed too long ago or in the future; check the clock";
		return false;
	}
	*content = steal(&verified);
	*len = verified_len;
	*signer = steal(&cert);
	return true;
}

static bool copy_name(const json_t *object, const char *key, char out[PUBNUB_NAME_MAX + 1])
{
	const char *text = json_text(object, key);

	if (!text || !pubnub_is_name(text))
		return false;
	(void)strcpy(out, text);
	return true;
}

bool platform_parse_connection(struct bytes content, struct platform_connection *connection)
{
	struct platform_connection parsed;
	CLEANUP(json) json_t *value = json_parse(content);

	if (!copy_name(value, "publishKey", parsed.publish_key) ||
		!copy_name(value, "subscribeKey", parsed.subscribe_key) ||
		!copy_name(value, "channel_id", parsed.channel))
		return false;
	*connection = parsed;
	return true;
}

static void give_reason(char reason[PLATFORM_REASON_MAX], const char *what, const char *outside)
{
	struct log_quoted quoted;

	(void)snprintf(reason, PLATFORM_REASON_MAX, "%s %s", what,
		log_quote(&quoted, bytes_of_text(outside)));
}

enum platform_outcome platform_parse_registration(
	struct bytes body, char **data, char reason[PLATFORM_REASON_MAX])
{
	CLEANUP(json) json_t *value = json_parse(body);
	const json_t *success = json_object_get(value, "success");
	const char *message = json_text(value, "message");

	if (json_is_false(success)) {
		give_reason(reason, "refused by the platform:", message ? message : "");
		return PLATFORM_REFUSED;
	}
	const char *text = json_text(value, "data");

	if (!json_is_true(success) || !text) {
		(void)snprintf(
			reason, PLATFORM_REASON_MAX, "the platform's reply has another form");
		return PLATFORM_FAILED;
	}
	*data = strdup(text);
	return *data ? PLATFORM_REGISTERED : PLATFORM_FAILED;
}

/* One POST of a JSON body; false with a reason unless JSON comes back with status 200. */
static bool post(const struct platform_caller *caller, const char *url, const char *body,
	struct rest_reply *reply, char reason[PLATFORM_REASON_MAX])
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct rest_request request = { .url = url,
		.headers = headers,
		.body = bytes_of_text(body),
		.timeout_ms = PLATFORM_TIMEOUT_MS,
		.reply_max = JSON_TEXT_MAX,
		.cancel = caller->cancel };
	int64_t sent_ms = wallclock_uptime_ms();

	if (rest_send(caller->rest, &request, reply) != CKR_OK) {
		give_reason(reason, "platform not reached:", reply->error);
		return false;
	}
	wallclock_observe_date(reply->date, sent_ms, wallclock_uptime_ms());
	if (reply->status == 200 && strcasestr(reply->content_type, "application/json"))
		return true;
	(void)snprintf(reason, PLATFORM_REASON_MAX, "the platform answers HTTP %ld", reply->status);
	return false;
}

static char *registration_body(
	const struct platform_caller *caller, char reason[PLATFORM_REASON_MAX])
{
	CLEANUP(free)
	char *content = message_registration_content(caller->serial, caller->thumbprint);
	CLEANUP(free)
	char *smime =
		content ? channel_sign(caller->channel, caller->ca, bytes_of_text(content)) : NULL;

	if (!smime) {
		(void)snprintf(reason, PLATFORM_REASON_MAX,
			"the CA key cannot sign a channel certificate");
		return NULL;
	}
	return message_registration_body(caller->serial, caller->thumbprint, smime);
}

static enum platform_outcome open_reply(struct platform *platform,
	const struct platform_caller *caller, const char *data,
	struct platform_connection *connection, char reason[PLATFORM_REASON_MAX])
{
	CLEANUP(openssl) uint8_t *verified = NULL;
	CLEANUP(openssl) uint8_t *content = NULL;
	CLEANUP(x509) X509 *signer = NULL;
	size_t verified_len = 0;
	size_t content_len = 0;
	const char *refusal = "the platform's reply cannot be read";
	bool good = platform_verify(platform, bytes_of_text(data), &verified, &verified_len,
			    &signer, &refusal) &&
		    channel_decrypt(caller->channel, bytes_of(verified, verified_len), &content,
			    &content_len) &&
		    platform_parse_connection(bytes_of(content, content_len), connection);

	if (content)
		explicit_bzero(content, content_len);
	if (good)
		return PLATFORM_REGISTERED;
	(void)snprintf(reason, PLATFORM_REASON_MAX, "registration reply: %s", refusal);
	return PLATFORM_FAILED;
}

enum platform_outcome platform_register(struct platform *platform,
	const struct platform_caller *caller, struct platform_connection *connection,
	char reason[PLATFORM_REASON_MAX])
{
	char url[512];
	struct rest_reply reply = { 0 };
	CLEANUP(free) char *body = registration_body(caller, reason);
	CLEANUP(free) char *data = NULL;
	enum platform_outcome outcome = PLATFORM_FAILED;

	if (!body)
		return PLATFORM_FAILED;
	(void)snprintf(
		url, sizeof(url), "%s/api/public/getiotconnectiondata", platform->config->platform);
	if (post(caller, url, body, &reply, reason))
		outcome =
			platform_parse_registration(bytes_of(reply.body, reply.len), &data, reason);
	rest_reply_reset(&reply);
	return data ? open_reply(platform, caller, data, connection, reason) : outcome;
}

bool platform_deliver_crl(struct platform *platform, const struct platform_caller *caller,
	const char *smime, char reason[PLATFORM_REASON_MAX], bool *refused)
{
	char url[512];
	struct rest_reply reply = { 0 };
	CLEANUP(free) char *body = message_delivery_body(smime);

	*refused = false;
	(void)snprintf(reason, PLATFORM_REASON_MAX, "out of memory");
	(void)snprintf(url, sizeof(url), "%s/api/public/delivercrl/%s/%s",
		platform->config->platform, caller->serial, caller->thumbprint);
	bool taken = body && post(caller, url, body, &reply, reason);

	if (taken) {
		CLEANUP(json) json_t *value = json_parse(bytes_of(reply.body, reply.len));
		const char *message = json_text(value, "message");

		*refused = json_is_false(json_object_get(value, "success"));
		taken = value && !*refused;
		if (!taken)
			give_reason(reason,
				"the platform did not take the CRL:", message ? message : "");
	}
	rest_reply_reset(&reply);
	return taken;
}
