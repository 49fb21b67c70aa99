/* SPDX-License-Identifier: Apache-2.0 */
/* A small appliance with a software key, to test the stand-in without a token or the bridge. */
#include "support/appliance.h"

#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "certificate.h"
#include "cleanup.h"
#include "envelope.h"
#include "job.h"
#include "json.h"
#include "message.h"
#include "peer.h"

struct appliance {
	struct appliance_settings settings;
	struct peer peer;
	struct rest *listener;
	struct rest *sender;
	X509_STORE *anchors;
	EVP_PKEY *channel_key;
	X509 *ephemeral;
	char serial[64];
	char thumbprint[41];
	char channel[MESSAGE_FIELD_MAX];
	char timetoken[PEER_TIMETOKEN_SIZE];
	atomic_bool stop;
	pthread_mutex_t lock; /* of waiting */
	pthread_cond_t arrived;
	json_t *waiting;
	pthread_t threads[2];
	size_t running;
};

static struct job_ca job_ca_of(const struct appliance *appliance)
{
	return (struct job_ca){ .cert = appliance->settings.ca,
		.key = appliance->settings.ca_key,
		.now_s = time(NULL) };
}

static struct envelope_identity signer_of(const struct appliance *appliance)
{
	return (struct envelope_identity){ appliance->ephemeral, appliance->channel_key };
}

/* --- HTTPS calls of the platform --- */

static json_t *post(struct appliance *appliance, const char *path, const char *body)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	CLEANUP(free) char *url = NULL;
	struct rest_reply reply = { 0 };

	if (!body || asprintf(&url, "%s%s", appliance->peer.url, path) < 0)
		return NULL;
	const struct rest_request request = { .url = url,
		.headers = headers,
		.body = bytes_of_text(body),
		.timeout_ms = 15000,
		.reply_max = JSON_TEXT_MAX };
	CK_RV rv = rest_send(appliance->sender, &request, &reply);
	json_t *json = rv == CKR_OK ? json_parse(bytes_of(reply.body, reply.len)) : NULL;

	rest_reply_reset(&reply);
	return json;
}

static bool take_connection_data(struct appliance *appliance, const char *data)
{
	CLEANUP(openssl) uint8_t *content = NULL;
	CLEANUP(openssl) uint8_t *inner = NULL;
	CLEANUP(x509) X509 *signer = NULL;
	size_t len = 0, inner_len = 0;
	int64_t signed_s = 0;

	if (!data ||
		!envelope_verify(appliance->anchors, bytes_of_text(data), &content, &len, &signer,
			&signed_s) ||
		!envelope_decrypt(
			appliance->channel_key, bytes_of(content, len), &inner, &inner_len))
		return false;
	CLEANUP(json) json_t *keys = json_parse(bytes_of(inner, inner_len));
	const char *channel = json_text(keys, "channel_id");

	if (!channel || strlen(channel) >= sizeof(appliance->channel) ||
		!json_text(keys, "publishKey") || !json_text(keys, "subscribeKey"))
		return false;
	(void)strcpy(appliance->channel, channel);
	return true;
}

static bool register_ca(struct appliance *appliance)
{
	const struct envelope_identity signer = signer_of(appliance);
	CLEANUP(free)
	char *content = message_registration_content(appliance->serial, appliance->thumbprint);
	CLEANUP(free) char *smime = content ? envelope_sign(&signer, bytes_of_text(content)) : NULL;
	CLEANUP(free)
	char *body =
		smime ? message_registration_body(appliance->serial, appliance->thumbprint, smime)
		      : NULL;
	CLEANUP(json) json_t *reply = post(appliance, "/api/public/getiotconnectiondata", body);

	return take_connection_data(appliance, json_text(reply, "data"));
}

static bool deliver_crl(
	struct appliance *appliance, X509 *recipient, const char *siguuid, const char *pem)
{
	const struct envelope_identity signer = signer_of(appliance);
	char path[160];
	CLEANUP(free) char *content = message_result_content(false, siguuid, pem);
	CLEANUP(free)
	char *smime = content ? envelope_seal(&signer, recipient, bytes_of_text(content)) : NULL;
	CLEANUP(free) char *body = smime ? message_delivery_body(smime) : NULL;

	(void)snprintf(path, sizeof(path), "/api/public/delivercrl/%s/%s", appliance->serial,
		appliance->thumbprint);
	CLEANUP(json) json_t *reply = post(appliance, path, body);

	return json_is_true(json_object_get(reply, "success"));
}

/* --- messages --- */

static void publish(struct appliance *appliance, const char *payload)
{
	if (!payload ||
		!peer_publish(&appliance->peer, appliance->sender, appliance->channel, payload))
		(void)fprintf(stderr, "appliance: an answer could not be published\n");
}

static void offer(struct appliance *appliance, const char *platform, struct bytes content)
{
	const struct envelope_identity signer = signer_of(appliance);
	struct message_solicit solicit;

	if (!message_parse_solicit(content, &solicit) ||
		strcmp(solicit.thumbprint, appliance->thumbprint) != 0)
		return;
	CLEANUP(free)
	char *text = message_offer_content(appliance->peer.uuid, 7, solicit.siguuid);
	CLEANUP(free) char *smime = text ? envelope_sign(&signer, bytes_of_text(text)) : NULL;
	CLEANUP(free)
	char *payload = smime ? message_offer_payload(platform, solicit.siguuid, smime) : NULL;

	publish(appliance, payload);
}

static void respond(struct appliance *appliance, const char *platform, X509 *recipient,
	const char *siguuid, const struct job_result *result)
{
	const struct envelope_identity signer = signer_of(appliance);
	CLEANUP(free)
	char *text = message_result_content(
		result->success, siguuid, result->success ? result->text : result->cause);
	CLEANUP(free)
	char *smime = text ? envelope_seal(&signer, recipient, bytes_of_text(text)) : NULL;
	CLEANUP(free)
	char *payload = smime ? message_response_payload(platform, siguuid, smime) : NULL;

	publish(appliance, payload);
}

static void set_text(struct job_result *result, const char *text)
{
	free(result->text);
	result->text = strdup(text);
}

static void run_job(struct appliance *appliance, const char *platform, X509 *recipient,
	const char *signtype, struct message_request *request)
{
	struct job_ca ca = job_ca_of(appliance);
	struct job_result result = { 0 };

	job_run(&ca, signtype, request->request, &result);
	if (result.success && appliance->settings.product)
		set_text(&result, appliance->settings.product);
	if (result.success && strcmp(signtype, "crl") == 0) {
		result.success = deliver_crl(appliance, recipient, request->siguuid, result.text);
		set_text(&result, "crl uploaded");
	}
	respond(appliance, platform, recipient, request->siguuid, &result);
	free(result.text);
}

static void answer(struct appliance *appliance, const json_t *envelope)
{
	const char *platform = json_text(envelope, "i");
	struct message message;
	struct message_request request;
	CLEANUP(openssl) uint8_t *content = NULL;
	CLEANUP(openssl) uint8_t *inner = NULL;
	CLEANUP(x509) X509 *signer = NULL;
	size_t len = 0, inner_len = 0;
	int64_t signed_s = 0;

	if (!platform || strcmp(platform, appliance->peer.uuid) == 0 ||
		!message_parse(json_object_get(envelope, "d"), &message) ||
		!envelope_verify(appliance->anchors, bytes_of_text(message.smime), &content, &len,
			&signer, &signed_s))
		return;
	if (message.type == MESSAGE_SOLICIT)
		offer(appliance, platform, bytes_of(content, len));
	if (message.type != MESSAGE_REQUEST || strcmp(message.uuid, appliance->peer.uuid) != 0 ||
		message.caindex != 7 ||
		!envelope_open_inner(
			appliance->channel_key, bytes_of(content, len), &inner, &inner_len) ||
		!message_parse_request(bytes_of(inner, inner_len), &request))
		return;
	run_job(appliance, platform, signer, message.signtype, &request);
	message_request_reset(&request);
}

/* A channel keeps only 100 messages, so a job must not hold up the next poll. */
static void *hear(void *arg)
{
	struct appliance *appliance = arg;

	while (!atomic_load(&appliance->stop)) {
		CLEANUP(json) json_t *messages = NULL;

		if (!peer_poll(&appliance->peer, appliance->listener, appliance->channel,
			    appliance->timetoken, &appliance->stop, &messages))
			break;
		const json_t *envelope;
		size_t i;

		(void)pthread_mutex_lock(&appliance->lock);
		json_array_foreach(messages, i, envelope)(void)
			json_array_append_new(appliance->waiting, json_deep_copy(envelope));
		(void)pthread_cond_signal(&appliance->arrived);
		(void)pthread_mutex_unlock(&appliance->lock);
	}
	return NULL;
}

static json_t *next_envelope(struct appliance *appliance)
{
	json_t *envelope = NULL;

	(void)pthread_mutex_lock(&appliance->lock);
	while (json_array_size(appliance->waiting) == 0 && !atomic_load(&appliance->stop))
		(void)pthread_cond_wait(&appliance->arrived, &appliance->lock);
	if (json_array_size(appliance->waiting) > 0) {
		envelope = json_incref(json_array_get(appliance->waiting, 0));
		(void)json_array_remove(appliance->waiting, 0);
	}
	(void)pthread_mutex_unlock(&appliance->lock);
	return envelope;
}

static void *work(void *arg)
{
	struct appliance *appliance = arg;
	json_t *envelope = NULL;

	while (!atomic_load(&appliance->stop) && (envelope = next_envelope(appliance)) != NULL) {
		answer(appliance, envelope);
		json_decref(envelope);
	}
	return NULL;
}

/* --- life --- */

static bool set_up_keys(struct appliance *appliance)
{
	struct job_ca ca = job_ca_of(appliance);

	appliance->anchors = X509_STORE_new();
	appliance->channel_key = EVP_RSA_gen(2048);
	if (!appliance->anchors || !appliance->channel_key ||
		X509_STORE_add_cert(appliance->anchors, appliance->peer.identity.anchor) != 1)
		return false;
	appliance->ephemeral = job_issue_ephemeral(&ca, appliance->channel_key);
	return appliance->ephemeral && certificate_serial_hex(ca.cert, appliance->serial) &&
	       certificate_thumbprint(ca.cert, appliance->thumbprint);
}

static bool start(struct appliance *appliance)
{
	CLEANUP(json) json_t *none = NULL;

	if (!peer_open(&appliance->peer, appliance->settings.directory) || !set_up_keys(appliance))
		return false;
	appliance->listener = peer_connect(&appliance->peer);
	appliance->sender = peer_connect(&appliance->peer);
	if (!appliance->listener || !appliance->sender || !register_ca(appliance) ||
		!peer_poll(&appliance->peer, appliance->listener, appliance->channel,
			appliance->timetoken, NULL, &none))
		return false;
	appliance->waiting = json_array();
	for (size_t i = 0; appliance->waiting && i < ARRAY_LEN(appliance->threads); i++) {
		if (pthread_create(&appliance->threads[i], NULL, i ? work : hear, appliance) != 0)
			return false;
		appliance->running++;
	}
	return appliance->running == ARRAY_LEN(appliance->threads);
}

struct appliance *appliance_start(const struct appliance_settings *settings)
{
	struct appliance *appliance = calloc(1, sizeof(*appliance));

	if (!appliance)
		return NULL;
	appliance->settings = *settings;
	(void)pthread_mutex_init(&appliance->lock, NULL);
	(void)pthread_cond_init(&appliance->arrived, NULL);
	if (start(appliance))
		return appliance;
	appliance_stop(appliance);
	return NULL;
}

void appliance_stop(struct appliance *appliance)
{
	if (!appliance)
		return;
	(void)pthread_mutex_lock(&appliance->lock);
	atomic_store(&appliance->stop, true);
	(void)pthread_cond_broadcast(&appliance->arrived);
	(void)pthread_mutex_unlock(&appliance->lock);
	if (appliance->running)
		rest_wake(appliance->listener);
	while (appliance->running > 0)
		(void)pthread_join(appliance->threads[--appliance->running], NULL);
	json_decref(appliance->waiting);
	(void)pthread_cond_destroy(&appliance->arrived);
	(void)pthread_mutex_destroy(&appliance->lock);
	rest_free(appliance->listener);
	rest_free(appliance->sender);
	X509_STORE_free(appliance->anchors);
	EVP_PKEY_free(appliance->channel_key);
	X509_free(appliance->ephemeral);
	peer_close(&appliance->peer);
	free(appliance);
}
