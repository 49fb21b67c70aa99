/* SPDX-License-Identifier: Apache-2.0 */
/* What tests ask of the stand-in itself: faults, and messages that PubNub would not let through. */
#include <stdlib.h>

#include "cleanup.h"
#include "json.h"
#include "server.h"

static unsigned number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 && value <= UINT32_MAX ? (unsigned)value : 0;
}

static void reply_success(struct exchange *exchange, bool success)
{
	endpoint_reply(exchange->request, success ? HTTP_OK : HTTP_BADREQUEST,
		json_pack("{s:b}", "success", success));
}

void control_set_fault(struct exchange *exchange)
{
	CLEANUP(json) json_t *body = json_parse(endpoint_body(exchange));
	const struct standin_fault fault = { .place = json_text(body, "place"),
		.kind = json_text(body, "kind"),
		.count = number(body, "count"),
		.for_ms = number(body, "for_ms") };

	reply_success(exchange, standin_set_fault(exchange->standin, &fault));
}

void control_show_fault(struct exchange *exchange)
{
	unsigned met = standin_fault_met(exchange->standin, exchange->segments[2]);

	endpoint_reply(exchange->request, HTTP_OK, json_pack("{s:i}", "met", (int)met));
}

/* Any size and depth that jansson reads: what strangers send is bounded by the appliance itself. */
void control_inject(struct exchange *exchange)
{
	struct bytes body = endpoint_body(exchange);
	const char *publisher = evhttp_find_header(&exchange->query, "uuid");
	json_error_t error;
	CLEANUP(json)
	json_t *payload = json_loadb(
		(const char *)body.data, body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	reply_success(exchange, payload && relay_send(exchange->standin, exchange->segments[2],
						   publisher ? publisher : "stranger", payload));
}
