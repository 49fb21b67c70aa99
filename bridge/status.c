/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's state as one JSON object, for the control socket. */
#include "bridge_core.h"
#include "wallclock.h"

/* Good only when registration, subscription and token all are; else the first thing that is not. */
static const char *find_fault_locked(struct bridge *bridge, const struct ca *ca,
	const struct hsm_token_status *token, bool subscribed, const char *feed_reason)
{
	if (!ca->present)
		return "the certificate is on no token any more";
	if (!token->ready)
		return token->reason[0] ? token->reason : "the token was not read yet";
	if (!ca->registered)
		return ca->reason[0] ? ca->reason : "registration has not ended yet";
	if (!subscribed)
		return feed_reason[0] ? feed_reason : "the subscription has not begun yet";
	return ca->reason[0] && !bridge->scanned ? ca->reason : "";
}

static json_t *time_json(int64_t seconds)
{
	return seconds > 0 ? json_integer(seconds) : json_null();
}

static json_t *ca_json_locked(struct bridge *bridge, struct ca *ca)
{
	struct hsm_token_status token = { 0 };
	char feed_reason[FEED_REASON_MAX] = "";
	bool subscribed = ca->feed && feed_is_subscribed(ca->feed, feed_reason);

	(void)hsm_token_status(bridge->hsm, hsm_key_token(ca->hsm_key), &token);
	const char *fault = find_fault_locked(bridge, ca, &token, subscribed, feed_reason);

	return json_pack("{s:I s:s s:s s:s s:s s:s s:b s:b s:b s:b s:s s:o s:o s:I s:I s:s}",
		"index", (json_int_t)ca->index, "subject", ca->subject, "serial", ca->serial,
		"thumbprint", ca->thumbprint, "token", token.serial, "label", token.label,
		"connected", fault[0] == '\0', "token_ready", ca->present && token.ready,
		"registered", ca->registered, "subscribed", ca->registered && subscribed, "channel",
		ca->connection.channel, "last_message", time_json(ca->last_message_s),
		"last_signature", time_json(ca->last_signature_s), "jobs_ok",
		(json_int_t)ca->jobs_ok, "jobs_failed", (json_int_t)ca->jobs_failed, "reason",
		fault[0] ? fault : ca->reason);
}

static json_t *cas_json(struct bridge *bridge)
{
	json_t *list = json_array();

	(void)pthread_mutex_lock(&bridge->lock);
	for (size_t i = 0; i < bridge->ca_count; i++)
		(void)json_array_append_new(list, ca_json_locked(bridge, bridge->cas[i]));
	(void)pthread_mutex_unlock(&bridge->lock);
	return list;
}

static json_t *tokens_json(struct bridge *bridge)
{
	json_t *list = json_array();
	struct hsm_token_status token;

	for (size_t i = 0; hsm_token_status(bridge->hsm, i, &token); i++)
		(void)json_array_append_new(
			list, json_pack("{s:s s:s s:b s:b s:s}", "serial", token.serial, "label",
				      token.label, "present", token.present, "ready", token.ready,
				      "reason", token.reason));
	return list;
}

json_t *bridge_status(struct bridge *bridge)
{
	(void)pthread_mutex_lock(&bridge->lock);
	bool scanned = bridge->scanned;
	uint64_t scans = bridge->scans;

	(void)pthread_mutex_unlock(&bridge->lock);
	return json_pack("{s:s s:s s:s s:I s:I s:b s:I s:I s:o s:o s:o s:o}", "version",
		IOTHSM_VERSION, "uuid", bridge->state.uuid, "platform", bridge->config->platform,
		"started", (json_int_t)bridge->started_s, "clock_skew",
		(json_int_t)wallclock_skew_s(), "initialising", !scanned, "scans",
		(json_int_t)scans, "waiting", (json_int_t)queue_waiting(bridge->queue), "cas",
		cas_json(bridge), "tokens", tokens_json(bridge), "refused",
		refusal_json(&bridge->refusals), "journal", journal_json(bridge->journal));
}
