/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that lists the tokens and turns what it finds into CAs. */
#include <errno.h>

#include "bridge_core.h"
#include "certificate.h"
#include "log.h"
#include "thread.h"
#include "wallclock.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60 * 1000 };

static struct ca *find_known(struct bridge *bridge, const X509 *cert)
{
	char thumbprint[41];

	if (!certificate_thumbprint(cert, thumbprint))
		return NULL;
	for (size_t i = 0; i < bridge->ca_count; i++) {
		if (strcmp(bridge->cas[i]->thumbprint, thumbprint) == 0)
			return bridge->cas[i];
	}
	return NULL;
}

static void add(struct bridge *bridge, const struct hsm_found *found)
{
	struct ca *ca =
		bridge->ca_count < BRIDGE_CAS_MAX ? ca_new(bridge, found, bridge->ca_count) : NULL;

	if (!ca) {
		log_error(
			"scanner: a CA is left out, out of memory or more than %d", BRIDGE_CAS_MAX);
		return;
	}
	ca->present = true;
	ca->seen = true;
	ca->seen_s = wallclock_now_s();
	ca->due_ms = wallclock_uptime_ms();
	(void)pthread_mutex_lock(&bridge->lock);
	bridge->cas[bridge->ca_count++] = ca;
	(void)pthread_cond_broadcast(&bridge->wake);
	(void)pthread_mutex_unlock(&bridge->lock);
	log_info("scanner: CA found index=%zu serial=%s thumbprint=%s subject=\"%s\"", ca->index,
		ca->serial, ca->thumbprint, ca->subject);
}

/* The same CA on two tokens is one CA: the first place it was seen at in this scan counts. */
static void take_complete(struct bridge *bridge, const struct hsm_found *found)
{
	struct ca *ca = find_known(bridge, found->cert);

	if (!ca) {
		add(bridge, found);
		return;
	}
	(void)pthread_mutex_lock(&bridge->lock);
	bool first = !ca->seen;

	if (!ca->present) {
		ca->due_ms = wallclock_uptime_ms();
		(void)pthread_cond_broadcast(&bridge->wake);
	}
	ca->seen = true;
	ca->present = true;
	ca->seen_s = wallclock_now_s();
	(void)pthread_mutex_unlock(&bridge->lock);
	if (first)
		hsm_key_move(ca->hsm_key, found);
}

/* A private key alone tells of each CA that it belongs to what that lacks. */
static void take_key(struct bridge *bridge, const struct hsm_found *found)
{
	for (size_t i = 0; i < bridge->ca_count; i++) {
		if (certificate_has_key(bridge->cas[i]->cert, found->key_pair))
			bridge->cas[i]->lack_seen = found->lack;
	}
}

static void take_certificate(struct bridge *bridge, const struct hsm_found *found)
{
	struct ca *ca = find_known(bridge, found->cert);

	if (ca)
		ca->lack_seen = found->lack;
	else
		remnants_add(&bridge->fresh_remnants, found);
}

static void take(void *context, const struct hsm_found *found)
{
	static void (*const takes[])(struct bridge *, const struct hsm_found *) = {
		[HSM_LACKS_NOTHING] = take_complete,
		[HSM_LACKS_CERTIFICATE] = take_key,
		[HSM_LACKS_KEY] = take_certificate,
		[HSM_LACKS_MATCH] = take_certificate,
	};

	takes[found->lack](context, found);
}

/* A CA is gone only when its token says so; a token that does not answer says nothing. */
static void settle_locked(struct bridge *bridge, bool *healthy)
{
	for (size_t i = 0; i < bridge->ca_count; i++) {
		struct ca *ca = bridge->cas[i];
		struct hsm_token_status status;
		bool ready = hsm_token_status(bridge->hsm, hsm_key_token(ca->hsm_key), &status) &&
			     status.ready;

		if (ca->present && !ca->seen && ready) {
			ca->present = false;
			log_warn("scanner: CA gone index=%zu thumbprint=%s", ca->index,
				ca->thumbprint);
		}
		if (!ca->present && ready)
			ca->lack = ca->lack_seen;
		if (ca->present && !ready)
			*healthy = false;
		ca->seen = false;
		ca->lack_seen = HSM_LACKS_BOTH;
	}
}

static bool scan(struct bridge *bridge, bool by_person)
{
	CK_RV rv = hsm_scan(bridge->hsm, by_person, take, bridge);
	bool healthy = rv == CKR_OK;

	(void)pthread_mutex_lock(&bridge->lock);
	settle_locked(bridge, &healthy);
	remnants_settle(&bridge->remnants, &bridge->fresh_remnants, bridge->hsm);
	healthy = healthy && bridge->ca_count > 0;
	bridge->scanned = true;
	bridge->scans++;
	(void)pthread_mutex_unlock(&bridge->lock);
	return healthy;
}

/* A healthy bridge looks again now and then, one that misses something soon. */
static int64_t next_wait_ms(const struct bridge *bridge, struct backoff *backoff, bool healthy)
{
	int64_t regular_ms = bridge->config->rescan_s * 1000;

	if (healthy) {
		backoff_reset(backoff);
		return regular_ms > 0 ? regular_ms : INT32_MAX;
	}
	int64_t wait_ms = backoff_next_ms(backoff);

	return regular_ms > 0 && regular_ms < wait_ms ? regular_ms : wait_ms;
}

/* False when the time is over. */
static bool wait_for_request(struct bridge *bridge, int64_t wait_ms, bool *by_person)
{
	struct timespec until = thread_deadline(wait_ms);
	int failure = 0;

	(void)pthread_mutex_lock(&bridge->lock);
	while (failure != ETIMEDOUT && !bridge->scan_wanted && !atomic_load(&bridge->stopping))
		failure = pthread_cond_timedwait(&bridge->wake, &bridge->lock, &until);
	*by_person = bridge->scan_by_person;
	bridge->scan_wanted = false;
	bridge->scan_by_person = false;
	(void)pthread_mutex_unlock(&bridge->lock);
	return failure != ETIMEDOUT;
}

/* Until the next scan is due; meanwhile tokens are asked whether they are still there. */
static void wait_watching(struct bridge *bridge, int64_t wait_ms, bool *by_person)
{
	int64_t due_ms = wallclock_uptime_ms() + wait_ms;
	int64_t probe_ms = bridge->config->probe_s * 1000;

	for (;;) {
		int64_t left_ms = due_ms - wallclock_uptime_ms();

		if (left_ms <= 0 || wait_for_request(bridge,
					    left_ms < probe_ms ? left_ms : probe_ms, by_person))
			return;
		if (!hsm_check(bridge->hsm))
			return;
	}
}

void *scanner_run(void *context)
{
	struct bridge *bridge = context;
	struct backoff backoff = { RETRY_FIRST_MS, RETRY_MAX_MS, 0 };
	bool by_person = false;

	while (!atomic_load(&bridge->stopping)) {
		bool healthy = scan(bridge, by_person);

		wait_watching(bridge, next_wait_ms(bridge, &backoff, healthy), &by_person);
	}
	return NULL;
}

void scanner_want(struct bridge *bridge, bool by_person)
{
	(void)pthread_mutex_lock(&bridge->lock);
	bridge->scan_wanted = true;
	bridge->scan_by_person = bridge->scan_by_person || by_person;
	(void)pthread_cond_broadcast(&bridge->wake);
	(void)pthread_mutex_unlock(&bridge->lock);
}
