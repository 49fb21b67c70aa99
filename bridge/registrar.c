/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that register each CA with the platform, each on its own schedule. */
#include <errno.h>
#include <stdio.h>

#include "bridge_core.h"
#include "cleanup.h"
#include "log.h"
#include "thread.h"
#include "wallclock.h"

enum { RENEW_INTERVAL_MS = 60 * 1000, DUE_NEVER = INT32_MAX };

/* The channels of a feed are those of its CAs. */
static void update_feed_locked(struct bridge *bridge, struct feed *feed, const char *publish_key)
{
	struct pubnub_channels *channels = calloc(1, sizeof(*channels));

	for (size_t i = 0; channels && i < bridge->ca_count; i++) {
		struct ca *ca = bridge->cas[i];

		if (ca->feed == feed && !pubnub_channels_add(channels, ca->connection.channel))
			log_error("registrar: more than %d channels, one is left out channel=%s",
				PUBNUB_CHANNELS_MAX, ca->connection.channel);
	}
	if (channels)
		feed_set(feed, publish_key, channels);
	free(channels);
}

static struct feed *find_feed_locked(struct bridge *bridge, const char *subscribe_key)
{
	for (size_t i = 0; i < bridge->feed_count; i++) {
		if (feed_has_key(bridge->feeds[i], subscribe_key))
			return bridge->feeds[i];
	}
	struct feed_user user = { intake_take, registrar_renew, bridge };
	struct feed *feed =
		bridge->feed_count < BRIDGE_FEEDS_MAX
			? feed_new(bridge->config, bridge->state.uuid, subscribe_key, &user)
			: NULL;

	if (feed)
		bridge->feeds[bridge->feed_count++] = feed;
	return feed;
}

/* Good keys are replaced only by good ones. */
static bool apply_locked(
	struct bridge *bridge, struct ca *ca, const struct platform_connection *connection)
{
	struct feed *before = ca->feed;
	struct feed *feed = find_feed_locked(bridge, connection->subscribe_key);

	if (!feed)
		return false;
	ca->feed = feed;
	ca->connection = *connection;
	if (before && before != feed)
		update_feed_locked(bridge, before, NULL);
	update_feed_locked(bridge, feed, connection->publish_key);
	return true;
}

static void settle_registered_locked(
	struct bridge *bridge, struct ca *ca, const struct platform_connection *connection)
{
	bool before = ca->registered;

	ca->registered = apply_locked(bridge, ca, connection);
	ca->registered_s = wallclock_now_s();
	ca->reason[0] = '\0';
	backoff_reset(&ca->refused);
	backoff_reset(&ca->failed);
	if (!ca->registered) {
		(void)snprintf(ca->reason, sizeof(ca->reason), "no subscription can be started");
		ca->due_ms = wallclock_uptime_ms() + backoff_next_ms(&ca->failed);
	} else if (!before) {
		log_info("registrar: CA registered index=%zu thumbprint=%s channel=%s", ca->index,
			ca->thumbprint, connection->channel);
	}
}

static void settle_failed_locked(struct ca *ca, enum platform_outcome outcome, const char *reason)
{
	struct backoff *backoff = outcome == PLATFORM_REFUSED ? &ca->refused : &ca->failed;
	int64_t wait_ms = backoff_next_ms(backoff);

	/* The subscription goes on, but the platform has said that it does not know this CA. */
	if (outcome == PLATFORM_REFUSED)
		ca->registered = false;
	ca->due_ms = wallclock_uptime_ms() + wait_ms;
	if (strcmp(ca->reason, reason) != 0)
		log_warn("registrar: CA not registered, trying again index=%zu thumbprint=%s"
			 " reason=%s next_s=%lld",
			ca->index, ca->thumbprint, reason, (long long)wait_ms / 1000);
	(void)snprintf(ca->reason, sizeof(ca->reason), "%s", reason);
}

static void settle(struct bridge *bridge, struct ca *ca, enum platform_outcome outcome,
	const struct platform_connection *connection, const char *reason)
{
	(void)pthread_mutex_lock(&bridge->lock);
	ca->registering = false;
	ca->refusal = outcome == PLATFORM_REFUSED;
	bridge->registrations[outcome]++;
	if (outcome == PLATFORM_REGISTERED)
		settle_registered_locked(bridge, ca, connection);
	else
		settle_failed_locked(ca, outcome, reason);
	(void)pthread_mutex_unlock(&bridge->lock);
}

static void register_ca(struct bridge *bridge, struct rest *rest, struct ca *ca)
{
	struct job_ca job = ca_job(ca);
	struct platform_connection connection = { 0 };
	char reason[PLATFORM_REASON_MAX] = "";
	struct platform_caller caller = { rest, &bridge->stopping, &ca->channel, &job, ca->serial,
		ca->thumbprint };
	key_forget_error();
	enum platform_outcome outcome =
		platform_register(bridge->platform, &caller, &connection, reason);

	settle(bridge, ca, outcome, &connection, reason);
	explicit_bzero(&connection, sizeof(connection));
	if (outcome == PLATFORM_REGISTERED)
		resume_answers(bridge, ca);
}

/* The CA that has been due longest, or how long to wait for the next. */
static struct ca *next_due_locked(struct bridge *bridge, int64_t *wait_ms)
{
	int64_t now_ms = wallclock_uptime_ms();
	struct ca *first = NULL;

	*wait_ms = DUE_NEVER;
	for (size_t i = 0; i < bridge->ca_count; i++) {
		struct ca *ca = bridge->cas[i];

		if (ca->present && !ca->registering && ca->due_ms > 0 &&
			(!first || ca->due_ms < first->due_ms))
			first = ca;
	}
	if (first)
		*wait_ms = first->due_ms - now_ms;
	return first && *wait_ms <= 0 ? first : NULL;
}

static struct ca *wait_for_ca(struct bridge *bridge)
{
	struct ca *ca = NULL;
	int64_t wait_ms = 0;

	(void)pthread_mutex_lock(&bridge->lock);
	while (!atomic_load(&bridge->stopping) && !(ca = next_due_locked(bridge, &wait_ms))) {
		struct timespec until = thread_deadline(wait_ms);

		(void)pthread_cond_timedwait(&bridge->wake, &bridge->lock, &until);
	}
	if (ca) {
		ca->registering = true;
		ca->due_ms = 0;
	}
	(void)pthread_mutex_unlock(&bridge->lock);
	return ca;
}

void *registrar_run(void *context)
{
	struct bridge *bridge = context;
	struct rest *rest = rest_new(bridge->config->tls_ca);
	struct ca *ca;

	if (!rest || hsm_thread_begin(bridge->hsm) != CKR_OK) {
		log_error("registrar: out of memory");
		rest_free(rest);
		return NULL;
	}
	while ((ca = wait_for_ca(bridge)))
		register_ca(bridge, rest, ca);
	hsm_thread_end();
	rest_free(rest);
	return NULL;
}

void registrar_renew(void *context, struct feed *feed)
{
	struct bridge *bridge = context;
	int64_t due_ms = wallclock_uptime_ms() + RENEW_INTERVAL_MS;

	(void)pthread_mutex_lock(&bridge->lock);
	for (size_t i = 0; i < bridge->ca_count; i++) {
		struct ca *ca = bridge->cas[i];

		if (ca->feed == feed && ca->due_ms == 0 && !ca->registering)
			ca->due_ms = due_ms;
	}
	(void)pthread_cond_broadcast(&bridge->wake);
	(void)pthread_mutex_unlock(&bridge->lock);
}
