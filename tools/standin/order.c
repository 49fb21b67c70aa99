/* SPDX-License-Identifier: Apache-2.0 */
/* One job as the platform runs it: solicit, offers, request, response, and the check of the
 * product. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "cleanup.h"
#include "driver.h"
#include "envelope.h"
#include "json.h"
#include "message.h"
#include "profile.h"

enum { ORDER_OFFER_MS = 5000, ORDER_RESPONSE_MS = 30000 };

#define ORDER_CRL_DELIVERED "crl uploaded"

/* A job under way. */
struct attempt {
	struct standin_driver *driver;
	struct rest *rest;
	const struct standin_order *order;
	struct standin_result *result;
	struct mailbox box;
	int64_t start_ms;
	int64_t start_s;
};

/* The offer that was taken. */
struct chosen {
	X509 *signer;
	struct message_offer offer;
};

struct standin_order standin_order_default(const char *signtype, json_t *request)
{
	return (struct standin_order){ .signtype = signtype,
		.request = request,
		.offer_ms = ORDER_OFFER_MS,
		.attempts = 1,
		.response_ms = ORDER_RESPONSE_MS };
}

void standin_result_reset(struct standin_result *result)
{
	free(result->text);
	*result = (struct standin_result){ 0 };
}

static bool fail(struct attempt *attempt, const char *cause)
{
	(void)snprintf(attempt->result->cause, STANDIN_CAUSE_MAX, "%s", cause);
	return false;
}

static struct envelope_identity platform(const struct attempt *attempt)
{
	const struct identity *identity = &attempt->driver->peer.identity;

	return (struct envelope_identity){ identity->signer, identity->signer_key };
}

static bool publish(struct attempt *attempt, const char *payload)
{
	if (payload && peer_publish(&attempt->driver->peer, attempt->rest, attempt->driver->channel,
			       payload))
		return true;
	return fail(attempt, "the message cannot be published");
}

static bool solicit(struct attempt *attempt)
{
	const struct envelope_identity signer = platform(attempt);
	CLEANUP(free)
	char *content = message_solicit_content(
		attempt->driver->serial, attempt->driver->thumbprint, attempt->box.siguuid);
	CLEANUP(free) char *smime = content ? envelope_sign(&signer, bytes_of_text(content)) : NULL;
	CLEANUP(free)
	char *payload =
		smime ? message_solicit_payload(NULL, attempt->order->offer_ms / 1000.0, smime)
		      : NULL;

	return publish(attempt, payload);
}

/* The signed content of a letter of this type, by a certificate with the ephemeral profile. */
static bool open_letter(struct attempt *attempt, const json_t *letter, enum message_type type,
	uint8_t **content, size_t *len, X509 **signer)
{
	X509 *ca = attempt->driver->ca;
	struct message message;
	int64_t signing_time_s = 0;

	if (!message_parse(letter, &message) || message.type != type)
		return false;
	if (!envelope_verify_issuer(
		    ca, bytes_of_text(message.smime), content, len, signer, &signing_time_s))
		return fail(attempt, "a message is not signed under the CA");
	const char *fault = profile_fault(*signer, ca, time(NULL));

	if (fault)
		(void)snprintf(attempt->result->cause, STANDIN_CAUSE_MAX,
			"the certificate of a message %s", fault);
	return !fault;
}

static bool take_offer(struct attempt *attempt, const json_t *letter, struct chosen *chosen)
{
	CLEANUP(openssl) uint8_t *content = NULL;
	CLEANUP(x509) X509 *signer = NULL;
	struct message_offer offer;
	size_t len = 0;

	if (!open_letter(attempt, letter, MESSAGE_OFFER, &content, &len, &signer))
		return false;
	if (!message_parse_offer(bytes_of(content, len), &offer) ||
		strcmp(offer.siguuid, attempt->box.siguuid) != 0)
		return fail(attempt, "an offer does not say what it is for");
	attempt->result->offers++;
	if (!chosen->signer) {
		chosen->signer = steal(&signer);
		chosen->offer = offer;
	}
	return true;
}

/* The first good offer, at the end of the window that the order gives to others. */
static bool collect_offers(struct attempt *attempt, struct chosen *chosen)
{
	const struct standin_order *order = attempt->order;
	int64_t deadline_ms =
		mailbox_now_ms() + (order->window_ms ? order->window_ms : order->offer_ms);

	while (!chosen->signer || order->window_ms) {
		json_t *letter = mailbox_wait(&attempt->driver->boxes, &attempt->box, deadline_ms);

		if (!letter)
			break;
		(void)take_offer(attempt, letter, chosen);
	}
	if (chosen->signer)
		return true;
	return attempt->result->cause[0] ? false : fail(attempt, "no appliance offered");
}

static bool send_request(struct attempt *attempt, const struct chosen *chosen)
{
	const struct envelope_identity signer = platform(attempt);
	CLEANUP(free)
	char *content = message_request_content(attempt->box.siguuid, attempt->order->request);
	CLEANUP(free)
	char *smime =
		content ? envelope_seal(&signer, chosen->signer, bytes_of_text(content)) : NULL;
	CLEANUP(free)
	char *payload = smime ? message_request_payload(chosen->offer.uuid, attempt->box.siguuid,
					chosen->offer.caindex, attempt->order->signtype,
					attempt->order->response_ms / 1000.0, smime)
			      : NULL;

	return publish(attempt, payload);
}

static bool open_response(
	struct attempt *attempt, const json_t *letter, struct message_result *response)
{
	EVP_PKEY *key = attempt->driver->peer.identity.signer_key;
	CLEANUP(openssl) uint8_t *content = NULL;
	CLEANUP(openssl) uint8_t *inner = NULL;
	CLEANUP(x509) X509 *signer = NULL;
	size_t len = 0, inner_len = 0;

	if (!open_letter(attempt, letter, MESSAGE_RESPONSE, &content, &len, &signer))
		return false;
	if (!envelope_open_inner(key, bytes_of(content, len), &inner, &inner_len) ||
		!message_parse_result(bytes_of(inner, inner_len), response))
		return fail(attempt, "a response cannot be read");
	if (strcmp(response->siguuid, attempt->box.siguuid) == 0)
		return true;
	message_result_reset(response);
	return fail(attempt, "a response is for another request");
}

static bool await_response(struct attempt *attempt, struct message_result *response)
{
	int64_t deadline_ms = mailbox_now_ms() + attempt->order->response_ms;

	for (;;) {
		json_t *letter = mailbox_wait(&attempt->driver->boxes, &attempt->box, deadline_ms);

		if (!letter)
			break;
		if (open_response(attempt, letter, response))
			return true;
	}
	return attempt->result->cause[0] ? false : fail(attempt, "no response came");
}

/* A revocation list does not come in the response but by HTTPS before it. */
static char *take_product(struct attempt *attempt, struct message_result *response)
{
	if (strcmp(attempt->order->signtype, "crl") != 0)
		return steal(&response->text);
	if (strcmp(response->text, ORDER_CRL_DELIVERED) != 0)
		return NULL;
	return peer_fetch_crl(&attempt->driver->peer, attempt->rest, attempt->box.siguuid);
}

static void judge(struct attempt *attempt, struct message_result *response)
{
	struct standin_result *result = attempt->result;

	result->answered = true;
	result->success = response->success;
	result->elapsed_ms = mailbox_now_ms() - attempt->start_ms;
	result->cause[0] = '\0';
	if (!response->success) {
		(void)fail(attempt, response->text);
		return;
	}
	result->text = take_product(attempt, response);
	if (!result->text) {
		(void)fail(attempt, "the revocation list was not delivered");
		return;
	}
	const struct check_job job = { attempt->driver->ca, attempt->order->request, result->text,
		attempt->start_s };
	const char *fault = check_product(attempt->order->signtype, &job);

	result->verified = !fault;
	if (fault)
		(void)fail(attempt, fault);
}

static void run_attempt(struct attempt *attempt)
{
	struct chosen chosen = { 0 };
	struct message_result response;

	if (solicit(attempt) && collect_offers(attempt, &chosen) &&
		send_request(attempt, &chosen) && await_response(attempt, &response)) {
		judge(attempt, &response);
		message_result_reset(&response);
	}
	X509_free(chosen.signer);
}

static bool is_settled(const struct standin_order *order, const struct standin_result *result)
{
	return order->insistent ? result->answered : result->offers > 0;
}

void driver_run_job(struct standin_driver *driver, struct rest *rest,
	const struct standin_order *order, struct standin_result *result)
{
	char siguuid[IDENTITY_UUID_SIZE] = "";

	*result = (struct standin_result){ 0 };
	for (unsigned i = 0; i < order->attempts && !is_settled(order, result); i++) {
		struct attempt attempt = { .driver = driver,
			.rest = rest,
			.order = order,
			.result = result,
			.start_ms = mailbox_now_ms(),
			.start_s = time(NULL) };

		result->cause[0] = '\0';
		if ((i == 0 || !order->insistent) && !identity_make_uuid(siguuid)) {
			(void)fail(&attempt, "no random numbers");
			return;
		}
		(void)strcpy(attempt.box.siguuid, siguuid);
		mailbox_add(&driver->boxes, &attempt.box);
		run_attempt(&attempt);
		mailbox_remove(&driver->boxes, &attempt.box);
	}
}

void standin_job(struct standin_driver *driver, const struct standin_order *order,
	struct standin_result *result)
{
	struct rest *rest = peer_connect(&driver->peer);

	*result = (struct standin_result){ 0 };
	if (!rest) {
		(void)snprintf(result->cause, STANDIN_CAUSE_MAX, "out of memory");
		return;
	}
	driver_run_job(driver, rest, order, result);
	rest_free(rest);
}
