/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge's state as one JSON object, for the control socket. */
#include "bridge_core.h"
#include "ladder.h"
#include "wallclock.h"

static json_t *time_json(int64_t seconds)
{
	return seconds > 0 ? json_integer(seconds) : json_null();
}

void status_ladder_locked(struct bridge *bridge, struct ca *ca, struct ladder *ladder)
{
	struct ladder_facts facts = { .now_ms = wallclock_uptime_ms(),
		.present = ca->present,
		.lack = ca->lack,
		.seen_s = ca->seen_s,
		.registered = ca->registered,
		.refused = ca->refusal,
		.registered_s = ca->registered_s,
		.registration_reason = ca->reason,
		.platform = bridge->config->platform,
		.pubnub = bridge->config->pubnub_origin,
		.message_s = ca->last_message_s,
		.signature_s = ca->last_signature_s };

	(void)hsm_token_status(bridge->hsm, hsm_key_token(ca->hsm_key), &facts.token);
	if (ca->feed)
		feed_status(ca->feed, &facts.feed);
	ladder_judge(&facts, ladder);
}

static bool is_good(const struct ladder *ladder, enum ladder_rung rung)
{
	return ladder->rungs[rung].state == LADDER_GOOD;
}

static json_t *ca_json_locked(struct bridge *bridge, struct ca *ca)
{
	struct hsm_token_status token = { 0 };
	struct ladder ladder;

	(void)hsm_token_status(bridge->hsm, hsm_key_token(ca->hsm_key), &token);
	status_ladder_locked(bridge, ca, &ladder);
	bool missing = ladder.missing < LADDER_RUNGS;

	return json_pack("{s:I s:s s:s s:s s:s s:s s:b s:b s:b s:b s:s s:o s:o s:I s:I s:s s:s s:s?"
			 " s:o}",
		"index", (json_int_t)ca->index, "subject", ca->subject, "serial", ca->serial,
		"thumbprint", ca->thumbprint, "token", token.serial, "label", token.label,
		"connected", !missing, "token_ready", is_good(&ladder, LADDER_CERTIFICATE),
		"registered", ca->registered, "subscribed",
		ca->registered && is_good(&ladder, LADDER_SUBSCRIBED), "channel",
		ca->connection.channel, "last_message", time_json(ca->last_message_s),
		"last_signature", time_json(ca->last_signature_s), "jobs_ok",
		(json_int_t)ca->jobs_ok, "jobs_failed", (json_int_t)ca->jobs_failed, "reason",
		missing ? ladder.reason : ca->reason, "action", ladder.action, "missing",
		missing ? ladder_name(ladder.missing) : NULL, "ladder", ladder_json(&ladder));
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

static json_t *remnant_json(struct bridge *bridge, const struct remnant *remnant)
{
	struct hsm_token_status token = { 0 };

	(void)hsm_token_status(bridge->hsm, remnant->token, &token);
	return json_pack("{s:s s:s s:s s:s s:s s:s}", "subject", remnant->subject, "thumbprint",
		remnant->thumbprint, "token", token.serial, "label", token.label, "reason",
		ladder_lack_reason(remnant->lack), "action", ladder_lack_action(remnant->lack));
}

static json_t *remnants_json(struct bridge *bridge)
{
	json_t *list = json_array();

	(void)pthread_mutex_lock(&bridge->lock);
	for (size_t i = 0; i < bridge->remnants.count; i++)
		(void)json_array_append_new(list, remnant_json(bridge, &bridge->remnants.items[i]));
	(void)pthread_mutex_unlock(&bridge->lock);
	return list;
}

static json_t *tokens_json(struct bridge *bridge)
{
	json_t *list = json_array();
	struct hsm_token_status token;

	for (size_t i = 0; hsm_token_status(bridge->hsm, i, &token); i++)
		(void)json_array_append_new(list,
			json_pack("{s:s s:s s:b s:b s:s s:o}", "serial", token.serial, "label",
				token.label, "present", token.present, "ready", token.ready,
				"reason", token.reason, "checked", time_json(token.ready_s)));
	return list;
}

json_t *bridge_status(struct bridge *bridge)
{
	(void)pthread_mutex_lock(&bridge->lock);
	bool scanned = bridge->scanned;
	uint64_t scans = bridge->scans;

	(void)pthread_mutex_unlock(&bridge->lock);
	return json_pack("{s:s s:s s:s s:I s:I s:b s:I s:I s:o s:o s:o s:o s:o}", "version",
		IOTHSM_VERSION, "uuid", bridge->state.uuid, "platform", bridge->config->platform,
		"started", (json_int_t)bridge->started_s, "clock_skew",
		(json_int_t)wallclock_skew_s(), "initialising", !scanned, "scans",
		(json_int_t)scans, "waiting", (json_int_t)queue_waiting(bridge->queue), "cas",
		cas_json(bridge), "incomplete", remnants_json(bridge), "tokens",
		tokens_json(bridge), "refused", refusal_json(&bridge->refusals), "journal",
		journal_json(bridge->journal));
}
