/* SPDX-License-Identifier: Apache-2.0 */
/* How a request fails that meets a fault. */
#include <event2/buffer.h>

#include "fault.h"
#include "server.h"

static void answer_status(struct exchange *exchange, const struct fault *fault)
{
	endpoint_reply(exchange->request, fault->status,
		json_pack("{s:s, s:b, s:s, s:i}", "message", "a fault was asked for", "error", 1,
			"service", "Access Manager", "status", fault->status));
}

/* As a captive portal or a proxy answers: status 200, and no JSON. */
static void answer_html(struct exchange *exchange, const struct fault *fault)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->request);
	struct evbuffer *page = evbuffer_new();

	(void)fault;
	(void)evhttp_remove_header(headers, "Content-Type");
	(void)evhttp_add_header(headers, "Content-Type", "text/html");
	if (page)
		(void)evbuffer_add_printf(page, "<html><body>Please log in</body></html>");
	evhttp_send_reply(exchange->request, HTTP_OK, NULL, page);
	if (page)
		evbuffer_free(page);
}

static void refuse(struct exchange *exchange, const struct fault *fault)
{
	(void)fault;
	endpoint_reply(exchange->request, HTTP_OK,
		json_pack("{s:b, s:s}", "success", 0, "message", "a fault was asked for"));
}

static void reset_connection(struct exchange *exchange, const struct fault *fault)
{
	(void)fault;
	relay_drop(exchange, 0, true);
}

static void keep_silent(struct exchange *exchange, const struct fault *fault)
{
	relay_drop(exchange, fault->silence_ms ? fault->silence_ms : SERVER_HOLD_MS, false);
}

bool outage_play(struct exchange *exchange, enum fault_place place)
{
	static void (*const plays[])(struct exchange *, const struct fault *) = {
		[FAULT_STATUS] = answer_status,
		[FAULT_HTML] = answer_html,
		[FAULT_RESET] = reset_connection,
		[FAULT_SILENCE] = keep_silent,
		[FAULT_REFUSE] = refuse,
	};
	struct fault fault = fault_take(&exchange->standin->faults, place);

	if (fault.kind == FAULT_NONE)
		return false;
	plays[fault.kind](exchange, &fault);
	return true;
}
