/* SPDX-License-Identifier: Apache-2.0 */
/* The first rung that is missing is found, with its reason and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "ladder.h"

/* All is well at 100 s of uptime. */
static struct ladder_facts whole(void)
{
	struct ladder_facts facts = { .token = { .label = "office",
					      .present = true,
					      .answers = true,
					      .pin_good = true,
					      .ready = true,
					      .seen_s = 1,
					      .login_s = 2,
					      .ready_s = 3,
					      .ready_ms = 99000 },
		.now_ms = 100000,
		.present = true,
		.seen_s = 3,
		.registered = true,
		.registered_s = 4,
		.registration_reason = "",
		.platform = "https://platform.example",
		.feed = { .subscribed = true, .heard_s = 5 },
		.pubnub = "https://pubnub.example",
		.message_s = 6,
		.signature_s = 7 };

	return facts;
}

static void expect_missing(const struct ladder_facts *facts, enum ladder_rung rung,
	const char *reason, const char *action)
{
	struct ladder ladder;

	ladder_judge(facts, &ladder);
	assert_int_equal(ladder.missing, rung);
	if (!strstr(ladder.reason, reason) || !strstr(ladder.action, action))
		fail_msg("reason \"%s\" action \"%s\"", ladder.reason, ladder.action);
}

static void whole_ladder_misses_nothing(void **unused)
{
	struct ladder_facts facts = whole();
	struct ladder ladder;

	(void)unused;
	ladder_judge(&facts, &ladder);
	assert_int_equal(ladder.missing, LADDER_RUNGS);
	assert_string_equal(ladder.reason, "");
	for (size_t i = 0; i < LADDER_RUNGS; i++)
		assert_int_equal(ladder.rungs[i].state, LADDER_GOOD);
}

static void token_that_is_not_there_hides_what_is_on_it(void **unused)
{
	struct ladder_facts facts = whole();
	struct ladder ladder;

	(void)unused;
	facts.token.present = facts.token.ready = facts.token.answers = false;
	(void)strcpy(facts.token.reason, "token: token not present (0xe0)");
	expect_missing(&facts, LADDER_TOKEN, "not present", "office");
	ladder_judge(&facts, &ladder);
	assert_int_equal(ladder.rungs[LADDER_PIN].state, LADDER_UNKNOWN);
	assert_int_equal(ladder.rungs[LADDER_CERTIFICATE].state, LADDER_UNKNOWN);
	assert_int_equal(ladder.rungs[LADDER_SUBSCRIBED].state, LADDER_GOOD);
}

static void token_that_was_not_asked_for_a_minute_counts_as_missing(void **unused)
{
	struct ladder_facts facts = whole();

	(void)unused;
	facts.now_ms = facts.token.ready_ms + LADDER_STALE_MS + 1000;
	expect_missing(&facts, LADDER_TOKEN, "has not answered for 61 s", "iothsm-agent");
}

static void each_trouble_with_the_pin_has_its_advice(void **unused)
{
	static const struct {
		CK_RV failure;
		const char *action;
	} troubles[] = {
		{ CKR_PIN_INCORRECT, "pin keep --token \"office\"" },
		{ CKR_USER_NOT_LOGGED_IN, "pin keep --token \"office\"" },
		{ CKR_PIN_LOCKED, "pin unlock --token \"office\"" },
		{ CKR_FUNCTION_REJECTED, "agent.conf" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
		struct ladder_facts facts = whole();

		facts.token.ready = facts.token.pin_good = false;
		facts.token.failure = troubles[i].failure;
		(void)strcpy(facts.token.reason, "login: as it is");
		expect_missing(&facts, LADDER_PIN, "login: as it is", troubles[i].action);
	}
}

static void each_lack_has_its_rung(void **unused)
{
	static const struct {
		enum hsm_lack lack;
		enum ladder_rung rung;
		const char *reason;
	} lacks[] = {
		{ HSM_LACKS_KEY, LADDER_KEY, "not its private key" },
		{ HSM_LACKS_BOTH, LADDER_KEY, "any more" },
		{ HSM_LACKS_CERTIFICATE, LADDER_CERTIFICATE, "no certificate" },
		{ HSM_LACKS_MATCH, LADDER_CERTIFICATE, "another key" },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
		struct ladder_facts facts = whole();

		facts.present = false;
		facts.lack = lacks[i].lack;
		expect_missing(&facts, lacks[i].rung, lacks[i].reason, "");
	}
}

static void registration_and_subscription_name_whom_to_reach(void **unused)
{
	struct ladder_facts facts = whole();

	(void)unused;
	facts.feed.subscribed = false;
	(void)strcpy(facts.feed.reason, "no reply");
	expect_missing(&facts, LADDER_SUBSCRIBED, "no reply", "https://pubnub.example");
	facts.registered = false;
	facts.registration_reason = "platform not reached";
	expect_missing(&facts, LADDER_REGISTERED, "not reached", "tls_ca");
	facts.refused = true;
	expect_missing(&facts, LADDER_REGISTERED, "not reached", "give https://platform.example");
}

static void idle_ca_is_well(void **unused)
{
	struct ladder_facts facts = whole();
	struct ladder ladder;

	(void)unused;
	facts.message_s = facts.signature_s = 0;
	ladder_judge(&facts, &ladder);
	assert_int_equal(ladder.missing, LADDER_RUNGS);
	CLEANUP(json) json_t *json = ladder_json(&ladder);
	const json_t *last = json_array_get(json, LADDER_SIGNATURE);

	assert_int_equal(json_array_size(json), LADDER_RUNGS);
	assert_string_equal(json_text(last, "rung"), "signature");
	assert_true(json_is_null(json_object_get(last, "ok")));
	assert_true(json_is_null(json_object_get(last, "time")));
	assert_true(json_is_true(json_object_get(json_array_get(json, 0), "ok")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_ladder_misses_nothing),
		cmocka_unit_test(token_that_is_not_there_hides_what_is_on_it),
		cmocka_unit_test(token_that_was_not_asked_for_a_minute_counts_as_missing),
		cmocka_unit_test(each_trouble_with_the_pin_has_its_advice),
		cmocka_unit_test(each_lack_has_its_rung),
		cmocka_unit_test(registration_and_subscription_name_whom_to_reach),
		cmocka_unit_test(idle_ca_is_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
