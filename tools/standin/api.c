/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's HTTPS side of the stand-in: registration and delivery of revocation lists. */
#include <event2/buffer.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "envelope.h"
#include "json.h"
#include "log.h"
#include "message.h"
#include "profile.h"
#include "registry.h"
#include "server.h"

/* What an appliance sent under one of its CAs, and the certificate it is answered to. */
struct signed_body {
	X509 *ca;
	X509 *signer;
	uint8_t *content;
	size_t len;
};

static void cleanup_signed_body(struct signed_body *body)
{
	X509_free(body->ca);
	X509_free(body->signer);
	OPENSSL_free(body->content);
}

/* NULL, or why the body is not accepted. */
static const char *verify_body(struct standin *standin, const char *serial, const char *thumbprint,
	const char *smime, struct signed_body *body)
{
	int64_t signing_time_s = 0;

	if (!serial || !thumbprint || !smime)
		return "serial, thumbprint or smime is missing";
	body->ca = registry_find(standin->ca_directory, serial, thumbprint);
	if (!body->ca)
		return "CA is not known";
	if (!envelope_verify_issuer(body->ca, bytes_of_text(smime), &body->content, &body->len,
		    &body->signer, &signing_time_s))
		return "message is not signed under this CA";
	return profile_fault(body->signer, body->ca, time(NULL));
}

static void refuse(struct exchange *exchange, const char *what, const char *why)
{
	log_info("standin: %s refused cause=%s", what, why);
	endpoint_reply(
		exchange->request, HTTP_OK, json_pack("{s:b, s:s}", "success", 0, "message", why));
}

static bool content_repeats(
	const struct signed_body *body, const char *serial, const char *thumbprint)
{
	CLEANUP(json) json_t *content = json_parse(bytes_of(body->content, body->len));
	const char *inner_serial = json_text(content, "serial");
	const char *inner_thumbprint = json_text(content, "thumbprint");

	return inner_serial && inner_thumbprint && strcmp(inner_serial, serial) == 0 &&
	       strcmp(inner_thumbprint, thumbprint) == 0;
}

/* sign(encrypt(JSON)): the registration reply is the one that is not deflated. */
static char *make_connection_data(
	const struct identity *identity, const char *thumbprint, X509 *recipient)
{
	const struct envelope_identity signer = { identity->signer, identity->signer_key };
	char channel[REGISTRY_CHANNEL_SIZE];

	registry_channel(channel, thumbprint);
	CLEANUP(json)
	json_t *data = json_pack("{s:s, s:s, s:s}", "publishKey", identity->publish_key,
		"subscribeKey", identity->subscribe_key, "channel_id", channel);
	CLEANUP(free) char *text = json_print(data);
	CLEANUP(free)
	char *encrypted = text ? envelope_encrypt(recipient, bytes_of_text(text)) : NULL;

	return encrypted ? envelope_sign(&signer, bytes_of_text(encrypted)) : NULL;
}

void api_register(struct exchange *exchange)
{
	CLEANUP(json) json_t *request = json_parse(endpoint_body(exchange));
	const char *serial = json_text(request, "serial");
	const char *thumbprint = json_text(request, "thumbprint");
	CLEANUP(signed_body) struct signed_body body = { 0 };
	const char *fault = verify_body(
		exchange->standin, serial, thumbprint, json_text(request, "smime"), &body);

	if (!fault && !content_repeats(&body, serial, thumbprint))
		fault = "signed serial and thumbprint differ from the outer ones";
	if (fault) {
		refuse(exchange, "registration", fault);
		return;
	}
	CLEANUP(free)
	char *data = make_connection_data(&exchange->standin->identity, thumbprint, body.signer);

	if (!data) {
		refuse(exchange, "registration", "the reply cannot be made");
		return;
	}
	log_info("standin: registered thumbprint=%s", thumbprint);
	endpoint_reply(
		exchange->request, HTTP_OK, json_pack("{s:b, s:s}", "success", 1, "data", data));
}

static bool is_crl_pem(const char *text)
{
	CLEANUP(bio) BIO *bio = BIO_new_mem_buf(text, -1);
	CLEANUP(x509_crl)
	X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;

	return crl != NULL;
}

/* The success member is not looked at: the reference appliance always sends false. */
static const char *keep_crl(struct standin *standin, const struct signed_body *body)
{
	CLEANUP(openssl) uint8_t *inner = NULL;
	size_t len = 0;
	struct message_result result;

	if (!envelope_open_inner(
		    standin->identity.signer_key, bytes_of(body->content, body->len), &inner, &len))
		return "message is not encrypted to the platform";
	if (!message_parse_result(bytes_of(inner, len), &result))
		return "message has no siguuid and message";
	const char *fault = NULL;

	if (!is_crl_pem(result.text))
		fault = "message is no PEM revocation list";
	else if (!delivery_keep(&standin->deliveries, result.siguuid, result.text))
		fault = "out of memory";
	message_result_reset(&result);
	return fault;
}

void api_deliver_crl(struct exchange *exchange)
{
	CLEANUP(json) json_t *request = json_parse(endpoint_body(exchange));
	CLEANUP(signed_body) struct signed_body body = { 0 };
	const char *fault = verify_body(exchange->standin, exchange->segments[3],
		exchange->segments[4], json_text(request, "smime"), &body);

	if (!fault)
		fault = keep_crl(exchange->standin, &body);
	if (fault) {
		refuse(exchange, "revocation list", fault);
		return;
	}
	endpoint_reply(exchange->request, HTTP_OK, json_pack("{s:b}", "success", 1));
}

void api_download_crl(struct exchange *exchange)
{
	const char *pem = delivery_find(&exchange->standin->deliveries, exchange->segments[2]);

	if (!pem)
		evhttp_send_error(exchange->request, HTTP_NOTFOUND, NULL);
	else
		endpoint_reply(exchange->request, HTTP_OK, json_pack("{s:s}", "crl", pem));
}
