/* SPDX-License-Identifier: Apache-2.0 */
/* What a CA needs to serve the platform, rung by rung: which ones hold, and what to do about the
 * first that does not. */
#include "ladder.h"

#include <stdio.h>

#include "cleanup.h"

static const char *const names[LADDER_RUNGS] = {
	[LADDER_TOKEN] = "token",
	[LADDER_PIN] = "pin",
	[LADDER_KEY] = "key",
	[LADDER_CERTIFICATE] = "certificate",
	[LADDER_REGISTERED] = "registered",
	[LADDER_SUBSCRIBED] = "subscribed",
	[LADDER_MESSAGE] = "message",
	[LADDER_SIGNATURE] = "signature",
};

static const struct {
	const char *reason;
	const char *action;
} lacks[] = {
	[HSM_LACKS_NOTHING] = { "", "" },
	[HSM_LACKS_KEY] = { "the token has the certificate but not its private key",
		"restore the private key from its backup, or delete the certificate" },
	[HSM_LACKS_CERTIFICATE] = { "the token has the private key but no certificate of it",
		"iothsm ca import-cert --id ID FILE with the CA's own certificate" },
	[HSM_LACKS_MATCH] = { "the certificate belongs to another key than the one under its id",
		"restore the right private key, or iothsm ca import-cert the key's own"
		" certificate" },
	[HSM_LACKS_BOTH] = { "neither private key nor certificate is on the token any more",
		"restore both from the token's backup, or remove the CA from the platform" },
};

const char *ladder_name(enum ladder_rung rung)
{
	return names[rung];
}

const char *ladder_lack_reason(enum hsm_lack lack)
{
	return lacks[lack].reason;
}

const char *ladder_lack_action(enum hsm_lack lack)
{
	return lacks[lack].action;
}

static bool is_stale(const struct ladder_facts *facts)
{
	return facts->token.ready && facts->now_ms - facts->token.ready_ms > LADDER_STALE_MS;
}

static enum ladder_state judge_token(const struct ladder_facts *facts)
{
	bool there = facts->token.present && facts->token.answers && !is_stale(facts);

	return there ? LADDER_GOOD : LADDER_MISSING;
}

static enum ladder_state judge_pin(const struct ladder_facts *facts)
{
	if (judge_token(facts) != LADDER_GOOD)
		return LADDER_UNKNOWN;
	return facts->token.pin_good ? LADDER_GOOD : LADDER_MISSING;
}

static enum ladder_state judge_key(const struct ladder_facts *facts)
{
	if (judge_pin(facts) != LADDER_GOOD)
		return LADDER_UNKNOWN;
	if (facts->present || facts->lack == HSM_LACKS_CERTIFICATE ||
		facts->lack == HSM_LACKS_MATCH)
		return LADDER_GOOD;
	return LADDER_MISSING;
}

static enum ladder_state judge_certificate(const struct ladder_facts *facts)
{
	if (judge_key(facts) != LADDER_GOOD)
		return LADDER_UNKNOWN;
	return facts->present ? LADDER_GOOD : LADDER_MISSING;
}

static enum ladder_state judge_registered(const struct ladder_facts *facts)
{
	return facts->registered ? LADDER_GOOD : LADDER_MISSING;
}

static enum ladder_state judge_subscribed(const struct ladder_facts *facts)
{
	return facts->feed.subscribed ? LADDER_GOOD : LADDER_MISSING;
}

/* Nothing is wrong with a CA that has not been asked for anything yet. */
static enum ladder_state judge_message(const struct ladder_facts *facts)
{
	return facts->message_s > 0 ? LADDER_GOOD : LADDER_UNKNOWN;
}

static enum ladder_state judge_signature(const struct ladder_facts *facts)
{
	return facts->signature_s > 0 ? LADDER_GOOD : LADDER_UNKNOWN;
}

static void explain(struct ladder *ladder, const char *reason, const char *action)
{
	(void)snprintf(ladder->reason, sizeof(ladder->reason), "%s", reason);
	(void)snprintf(ladder->action, sizeof(ladder->action), "%s", action);
}

static void explain_token(const struct ladder_facts *facts, struct ladder *ladder)
{
	if (is_stale(facts))
		(void)snprintf(ladder->reason, sizeof(ladder->reason),
			"the token has not answered for %lld s",
			(long long)(facts->now_ms - facts->token.ready_ms) / 1000);
	else
		explain(ladder,
			facts->token.reason[0] ? facts->token.reason : "the token was not read yet",
			"");
	(void)snprintf(ladder->action, sizeof(ladder->action),
		"is token \"%s\" plugged in and the agent running? See iothsm status and"
		" systemctl status iothsm-agent",
		facts->token.label);
}

/* The same as hsm_describe() in words of what to do. */
static const char *pin_action(CK_RV failure)
{
	static const struct {
		CK_RV failure;
		const char *format;
	} actions[] = {
		{ CKR_USER_NOT_LOGGED_IN, "no PIN is kept, or the token refused it: iothsm pin keep"
					  " --token \"%s\"" },
		{ CKR_PIN_LOCKED,
			"iothsm pin unlock --token \"%s\" (where the token itself has locked"
			" it: set a new one with the SO PIN), then systemctl reload "
			"iothsm-bridge" },
		{ CKR_USER_PIN_NOT_INITIALIZED,
			"set the user PIN of token \"%s\" with its SO PIN, for example by"
			" pkcs11-tool --init-pin" },
		{ CKR_FUNCTION_REJECTED, "give the bridge's user the right to use token \"%s\" in"
					 " agent.conf" },
	};

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (actions[i].failure == failure)
			return actions[i].format;
	}
	return "keep the right PIN: iothsm pin keep --token \"%s\" (or pin_file), then systemctl"
	       " reload iothsm-bridge";
}

static void explain_pin(const struct ladder_facts *facts, struct ladder *ladder)
{
	const char *format = pin_action(facts->token.failure);
	const char *place = strstr(format, "%s");

	explain(ladder, facts->token.reason, "");
	(void)snprintf(ladder->action, sizeof(ladder->action), "%.*s%s%s", (int)(place - format),
		format, facts->token.label, place + 2);
}

static void explain_lack(const struct ladder_facts *facts, struct ladder *ladder)
{
	explain(ladder, lacks[facts->lack].reason, lacks[facts->lack].action);
}

static void explain_registered(const struct ladder_facts *facts, struct ladder *ladder)
{
	const char *reason = facts->registration_reason;

	explain(ladder, reason[0] ? reason : "registration has not ended yet", "");
	if (facts->refused)
		(void)snprintf(ladder->action, sizeof(ladder->action),
			"give %s this very certificate; it is tried again by itself",
			facts->platform);
	else
		(void)snprintf(ladder->action, sizeof(ladder->action),
			"check that %s is reached from here (network, DNS, proxy, tls_ca); it is"
			" tried again by itself",
			facts->platform);
}

static void explain_subscribed(const struct ladder_facts *facts, struct ladder *ladder)
{
	const char *reason = facts->feed.reason;

	explain(ladder, reason[0] ? reason : "the subscription has not begun yet", "");
	(void)snprintf(ladder->action, sizeof(ladder->action),
		"check that %s is reached from here (network, DNS, proxy, tls_ca); it is tried "
		"again"
		" by itself",
		facts->pubnub);
}

void ladder_judge(const struct ladder_facts *facts, struct ladder *ladder)
{
	static const struct {
		enum ladder_state (*judge)(const struct ladder_facts *facts);
		void (*explain)(const struct ladder_facts *facts, struct ladder *ladder);
	} rungs[LADDER_RUNGS] = {
		[LADDER_TOKEN] = { judge_token, explain_token },
		[LADDER_PIN] = { judge_pin, explain_pin },
		[LADDER_KEY] = { judge_key, explain_lack },
		[LADDER_CERTIFICATE] = { judge_certificate, explain_lack },
		[LADDER_REGISTERED] = { judge_registered, explain_registered },
		[LADDER_SUBSCRIBED] = { judge_subscribed, explain_subscribed },
		[LADDER_MESSAGE] = { judge_message, NULL },
		[LADDER_SIGNATURE] = { judge_signature, NULL },
	};
	const int64_t times[LADDER_RUNGS] = { facts->token.seen_s, facts->token.login_s,
		facts->seen_s, facts->seen_s, facts->registered_s, facts->feed.heard_s,
		facts->message_s, facts->signature_s };

	*ladder = (struct ladder){ .missing = LADDER_RUNGS };
	for (size_t i = 0; i < LADDER_RUNGS; i++) {
		ladder->rungs[i].state = rungs[i].judge(facts);
		ladder->rungs[i].time_s = times[i];
		if (ladder->rungs[i].state == LADDER_MISSING && ladder->missing == LADDER_RUNGS)
			ladder->missing = (enum ladder_rung)i;
	}
	if (ladder->missing < LADDER_RUNGS)
		rungs[ladder->missing].explain(facts, ladder);
}

static json_t *state_json(enum ladder_state state)
{
	return state == LADDER_UNKNOWN ? json_null() : json_boolean(state == LADDER_GOOD);
}

json_t *ladder_json(const struct ladder *ladder)
{
	json_t *list = json_array();

	for (size_t i = 0; i < LADDER_RUNGS; i++) {
		int64_t time_s = ladder->rungs[i].time_s;

		(void)json_array_append_new(
			list, json_pack("{s:s s:o s:o}", "rung", names[i], "ok",
				      state_json(ladder->rungs[i].state), "time",
				      time_s > 0 ? json_integer(time_s) : json_null()));
	}
	return list;
}
