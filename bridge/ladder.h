/* SPDX-License-Identifier: Apache-2.0 */
/* What a CA needs to serve the platform, rung by rung: which ones hold, and what to do about the
 * first that does not. */
#ifndef IOTHSM_LADDER_H
#define IOTHSM_LADDER_H

#include <jansson.h>

#include "feed.h"
#include "hsm.h"

enum ladder_rung {
	LADDER_TOKEN,
	LADDER_PIN,
	LADDER_KEY,
	LADDER_CERTIFICATE,
	LADDER_REGISTERED,
	LADDER_SUBSCRIBED, /* up to here a CA needs them all */
	LADDER_MESSAGE,
	LADDER_SIGNATURE,
	LADDER_RUNGS
};

enum ladder_state { LADDER_UNKNOWN, LADDER_GOOD, LADDER_MISSING };

enum { LADDER_TEXT_MAX = 320, LADDER_STALE_MS = 60 * 1000 };

/* What is known of a CA; texts are borrowed. */
struct ladder_facts {
	struct hsm_token_status token;
	int64_t now_ms; /* uptime */
	bool present;   /* key and certificate are on the token */
	enum hsm_lack lack;
	int64_t seen_s;
	bool registered;
	bool refused;
	int64_t registered_s;
	const char *registration_reason;
	const char *platform;
	struct feed_status feed;
	const char *pubnub;
	int64_t message_s;
	int64_t signature_s;
};

struct ladder {
	struct {
		enum ladder_state state;
		int64_t time_s; /* when it was last known to hold, 0: never */
	} rungs[LADDER_RUNGS];
	enum ladder_rung missing; /* the first, LADDER_RUNGS when none is */
	char reason[LADDER_TEXT_MAX];
	char action[LADDER_TEXT_MAX];
};

void ladder_judge(const struct ladder_facts *facts, struct ladder *ladder);

const char *ladder_name(enum ladder_rung rung);

/* What lacks a certificate or key, and what to do about it. */
const char *ladder_lack_reason(enum hsm_lack lack);
const char *ladder_lack_action(enum hsm_lack lack);

/* An array of {rung, ok (null: not known), time (null: never)}. */
json_t *ladder_json(const struct ladder *ladder);

#endif
