/* SPDX-License-Identifier: Apache-2.0 */
/* One PubNub subscription (one pair of keys): a thread that polls without end, and publishing from
 * any thread. */
#include "feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backoff.h"
#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "thread.h"
#include "wallclock.h"

enum { UNREADABLE_MAX = 3, BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 60 * 1000 };

struct feed {
	const struct config *config;
	const char *uuid;
	char subscribe_key[PUBNUB_NAME_MAX + 1];
	struct feed_user user;
	struct rest *rest;
	pthread_t thread;
	atomic_bool stop;      /* ends the thread */
	atomic_bool interrupt; /* ends the poll under way */
	atomic_bool abandoned; /* ends publishing */

	/* The thread's own. */
	struct pubnub_cursor cursor;
	struct backoff backoff;
	unsigned int unreadable; /* replies at this cursor that could not be read */
	bool timed;              /* PubNub told its time */
	bool doubtful;           /* the next poll could be held by a dead connection */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	char publish_key[PUBNUB_NAME_MAX + 1];
	struct pubnub_channels channels;
	bool subscribed;
	bool was_subscribed;
	int64_t heard_s;
	int64_t heard_ms;
	uint64_t reconnects;
	char reason[FEED_REASON_MAX];
};

/* Keys and channels as they are now. */
struct view {
	char publish_key[PUBNUB_NAME_MAX + 1];
	struct pubnub_channels channels;
	struct pubnub_keys keys;
};

static void take_view(struct feed *feed, struct view *view)
{
	(void)pthread_mutex_lock(&feed->lock);
	(void)strcpy(view->publish_key, feed->publish_key);
	view->channels = feed->channels;
	(void)pthread_mutex_unlock(&feed->lock);
	view->keys = (struct pubnub_keys){ feed->config->pubnub_origin, view->publish_key,
		feed->subscribe_key, feed->uuid };
}

static void note_heard_locked(struct feed *feed, bool changed)
{
	feed->heard_s = wallclock_now_s();
	feed->heard_ms = wallclock_uptime_ms();
	if (changed && feed->was_subscribed)
		feed->reconnects++;
	feed->was_subscribed = true;
}

static void set_status(struct feed *feed, bool subscribed, const char *reason)
{
	(void)pthread_mutex_lock(&feed->lock);
	bool changed = feed->subscribed != subscribed;

	feed->subscribed = subscribed;
	if (subscribed)
		note_heard_locked(feed, changed);
	(void)snprintf(feed->reason, sizeof(feed->reason), "%s", reason);
	(void)pthread_mutex_unlock(&feed->lock);
	if (changed && subscribed)
		log_info("feed: subscribed origin=%s", feed->config->pubnub_origin);
	else if (!subscribed && reason[0])
		log_warn("feed: not subscribed, trying again origin=%s reason=\"%s\"",
			feed->config->pubnub_origin, reason);
}

/* Ends early when something changed or the given flag is set. */
static void pause_ms(struct feed *feed, int64_t wait_ms, const atomic_bool *flag)
{
	struct timespec until = thread_deadline(wait_ms);
	int failure = 0;

	(void)pthread_mutex_lock(&feed->lock);
	while (failure != ETIMEDOUT && !atomic_load(flag))
		failure = pthread_cond_timedwait(&feed->changed, &feed->lock, &until);
	(void)pthread_mutex_unlock(&feed->lock);
}

static CK_RV get_unless_quiet(struct rest *rest, char *url, long timeout_ms, long quiet_ms,
	const atomic_bool *cancel, struct rest_reply *reply)
{
	struct rest_request request = { .url = url,
		.timeout_ms = timeout_ms,
		.quiet_ms = quiet_ms,
		.reply_max = PUBNUB_REPLY_MAX,
		.cancel = cancel };

	*reply = (struct rest_reply){ 0 };
	if (!url)
		return CKR_HOST_MEMORY;
	return rest_send(rest, &request, reply);
}

static CK_RV get(struct rest *rest, char *url, long timeout_ms, const atomic_bool *cancel,
	struct rest_reply *reply)
{
	return get_unless_quiet(rest, url, timeout_ms, 0, cancel, reply);
}

/* Messages expire by PubNub's time, not by the system's. */
static void learn_time(struct feed *feed, const struct view *view)
{
	struct rest_reply reply;
	int64_t timetoken = 0;
	CLEANUP(free) char *url = pubnub_time_url(&view->keys);
	int64_t sent_ms = wallclock_uptime_ms();

	if (get(feed->rest, url, FEED_CALL_TIMEOUT_MS, &feed->interrupt, &reply) == CKR_OK &&
		reply.status == 200 &&
		pubnub_parse_time(bytes_of(reply.body, reply.len), &timetoken)) {
		wallclock_observe(WALLCLOCK_PUBNUB, timetoken, sent_ms, wallclock_uptime_ms());
		feed->timed = true;
	}
	rest_reply_reset(&reply);
}

static void take_message(void *context, struct pubnub_message *message)
{
	struct feed *feed = context;

	feed->user.take(feed->user.context, feed, message);
}

/* A reply that no one can read would come again and again at the same cursor: after a few, start
 * afresh. */
static void give_up_cursor(struct feed *feed)
{
	if (++feed->unreadable < UNREADABLE_MAX)
		return;
	log_error("feed: PubNub's reply cannot be read, messages are lost timetoken=%s",
		feed->cursor.timetoken);
	feed->cursor = (struct pubnub_cursor){ 0 };
	feed->unreadable = 0;
}

static bool is_accepted(struct feed *feed, const struct rest_reply *reply)
{
	char reason[FEED_REASON_MAX];

	if (reply->status == 200)
		return true;
	(void)snprintf(reason, sizeof(reason), "PubNub answers HTTP %ld", reply->status);
	set_status(feed, false, reason);
	if (reply->status == 400 || reply->status == 403)
		feed->user.refused(feed->user.context, feed);
	return false;
}

/* True when the poll did what it should. */
static bool take_reply(struct feed *feed, const struct rest_reply *reply)
{
	size_t dropped = 0;

	if (!is_accepted(feed, reply))
		return false;
	if (!pubnub_parse_subscribe(bytes_of(reply->body, reply->len), &feed->cursor, take_message,
		    feed, &dropped)) {
		set_status(feed, false, "PubNub's reply has another form");
		/* The page of a portal or proxy goes away; what waits at this cursor stays. */
		if (pubnub_has_cursor(bytes_of(reply->body, reply->len)))
			give_up_cursor(feed);
		return false;
	}
	if (dropped > 0)
		log_info("feed: malformed messages dropped count=%zu", dropped);
	feed->unreadable = 0;
	set_status(feed, true, "");
	return true;
}

/* Silence is no error of a held poll: its successor is asked for with a handshake in front. */
static bool take_failure(struct feed *feed, const struct rest_reply *reply)
{
	if (atomic_load(&feed->interrupt) || atomic_load(&feed->stop))
		return true;
	if (reply->quiet) {
		feed->doubtful = true;
		return true;
	}
	set_status(feed, false, reply->error[0] ? reply->error : "out of memory");
	if (strstr(reply->error, "larger than"))
		give_up_cursor(feed);
	return false;
}

/* PubNub holds a poll until there is a message: only a cursor makes it wait. */
static bool poll_once(struct feed *feed, const struct view *view)
{
	struct rest_reply reply;
	bool held = feed->cursor.timetoken[0] != '\0';
	CLEANUP(free)
	char *url = pubnub_subscribe_url(&view->keys, &view->channels, &feed->cursor);
	CK_RV rv = get_unless_quiet(feed->rest, url,
		held ? FEED_POLL_TIMEOUT_MS : FEED_CALL_TIMEOUT_MS,
		held ? feed->config->probe_s * 1000 : 0, &feed->interrupt, &reply);
	bool good = rv == CKR_OK ? take_reply(feed, &reply) : take_failure(feed, &reply);

	rest_reply_reset(&reply);
	return good;
}

static void take_nothing(void *context, struct pubnub_message *message)
{
	(void)context;
	(void)message;
}

static bool is_handshake(struct feed *feed, const struct rest_reply *reply)
{
	struct pubnub_cursor fresh = { 0 };
	size_t dropped = 0;

	if (!is_accepted(feed, reply))
		return false;
	if (pubnub_parse_subscribe(
		    bytes_of(reply->body, reply->len), &fresh, take_nothing, NULL, &dropped)) {
		set_status(feed, true, "");
		return true;
	}
	set_status(feed, false, "PubNub's reply has another form");
	return false;
}

/*
 * A handshake is answered at once, so it tells a quiet channel from a dead connection. What it
 * says of the cursor is not taken: messages since ours are still to come.
 */
static bool shake_hands(struct feed *feed, const struct view *view)
{
	struct rest_reply reply;
	static const struct pubnub_cursor none;
	CLEANUP(free) char *url = pubnub_subscribe_url(&view->keys, &view->channels, &none);
	CK_RV rv = get(feed->rest, url, feed->config->probe_s * 1000 / 2, &feed->interrupt, &reply);
	bool good = rv == CKR_OK ? is_handshake(feed, &reply) : take_failure(feed, &reply);

	feed->doubtful = !good;
	rest_reply_reset(&reply);
	return good;
}

static bool take_turn(struct feed *feed, const struct view *view)
{
	if (!feed->timed)
		learn_time(feed, view);
	if (feed->doubtful && feed->cursor.timetoken[0] && !shake_hands(feed, view))
		return false;
	return poll_once(feed, view);
}

/* Waits until there is a channel to listen to. */
static bool has_channels(struct feed *feed)
{
	(void)pthread_mutex_lock(&feed->lock);
	while (feed->channels.count == 0 && !atomic_load(&feed->stop))
		(void)pthread_cond_wait(&feed->changed, &feed->lock);
	(void)pthread_mutex_unlock(&feed->lock);
	return !atomic_load(&feed->stop);
}

static void *run(void *context)
{
	struct feed *feed = context;
	struct view *view = calloc(1, sizeof(*view));

	while (view && has_channels(feed)) {
		atomic_store(&feed->interrupt, false);
		/* What is set from here on interrupts the poll; what was set before is seen now. */
		if (atomic_load(&feed->stop))
			break;
		take_view(feed, view);
		if (take_turn(feed, view)) {
			backoff_reset(&feed->backoff);
			continue;
		}
		feed->timed = false;
		feed->doubtful = true;
		pause_ms(feed, backoff_next_ms(&feed->backoff), &feed->interrupt);
	}
	free(view);
	return NULL;
}

struct feed *feed_new(const struct config *config, const char *uuid, const char *subscribe_key,
	const struct feed_user *user)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->config = config;
	feed->uuid = uuid;
	feed->user = *user;
	feed->backoff = (struct backoff){ BACKOFF_FIRST_MS, BACKOFF_MAX_MS, 0 };
	(void)snprintf(feed->subscribe_key, sizeof(feed->subscribe_key), "%s", subscribe_key);
	(void)pthread_mutex_init(&feed->lock, NULL);
	thread_cond_init(&feed->changed);
	feed->rest = rest_new(config->tls_ca);
	if (!feed->rest || !thread_start(&feed->thread, run, feed)) {
		log_error("feed: cannot start a thread");
		rest_free(feed->rest);
		free(feed);
		return NULL;
	}
	return feed;
}

bool feed_has_key(const struct feed *feed, const char *subscribe_key)
{
	return strcmp(feed->subscribe_key, subscribe_key) == 0;
}

static bool same_channels(const struct pubnub_channels *a, const struct pubnub_channels *b)
{
	for (size_t i = 0; a->count == b->count && i < a->count; i++) {
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	}
	return a->count == b->count;
}

static void interrupt(struct feed *feed)
{
	(void)pthread_mutex_lock(&feed->lock);
	atomic_store(&feed->interrupt, true);
	(void)pthread_cond_broadcast(&feed->changed);
	(void)pthread_mutex_unlock(&feed->lock);
	rest_wake(feed->rest);
}

void feed_set(struct feed *feed, const char *publish_key, const struct pubnub_channels *channels)
{
	(void)pthread_mutex_lock(&feed->lock);
	bool same = same_channels(&feed->channels, channels);

	if (publish_key)
		(void)snprintf(feed->publish_key, sizeof(feed->publish_key), "%s", publish_key);
	feed->channels = *channels;
	(void)pthread_mutex_unlock(&feed->lock);
	if (!same)
		interrupt(feed);
}

static bool is_too_large(const struct rest_reply *reply)
{
	return reply->status == 413 || reply->status == 414 ||
	       (reply->body && strstr(reply->body, "Message Too Large"));
}

static enum feed_outcome publish_once(
	struct feed *feed, struct rest *rest, char *url, struct rest_reply *reply)
{
	int64_t timetoken = 0;
	int64_t sent_ms = wallclock_uptime_ms();

	if (get(rest, url, FEED_CALL_TIMEOUT_MS, &feed->abandoned, reply) != CKR_OK)
		return FEED_FAILED;
	if (reply->status == 200 &&
		pubnub_parse_publish(bytes_of(reply->body, reply->len), &timetoken)) {
		wallclock_observe(WALLCLOCK_PUBNUB, timetoken, sent_ms, wallclock_uptime_ms());
		return FEED_SENT;
	}
	if (is_too_large(reply))
		return FEED_TOO_LARGE;
	(void)snprintf(
		reply->error, sizeof(reply->error), "PubNub answers HTTP %ld", reply->status);
	return FEED_FAILED;
}

static enum feed_outcome publish_url(struct feed *feed, struct rest *rest, char *url)
{
	struct backoff backoff = { BACKOFF_FIRST_MS / 2, BACKOFF_MAX_MS / 4, 0 };
	int64_t end_ms = wallclock_uptime_ms() + FEED_PUBLISH_LIMIT_MS;

	for (;;) {
		struct rest_reply reply;
		enum feed_outcome outcome = publish_once(feed, rest, url, &reply);
		int64_t wait_ms = backoff_next_ms(&backoff);
		bool last = outcome != FEED_FAILED || atomic_load(&feed->abandoned) ||
			    wallclock_uptime_ms() + wait_ms > end_ms;

		if (outcome == FEED_FAILED)
			log_warn("feed: publishing failed%s origin=%s reason=\"%s\"",
				last ? ", given up" : ", trying again", feed->config->pubnub_origin,
				reply.error);
		rest_reply_reset(&reply);
		if (last)
			return outcome;
		pause_ms(feed, wait_ms, &feed->abandoned);
	}
}

enum feed_outcome feed_publish(
	struct feed *feed, struct rest *rest, const char *channel, const char *payload)
{
	CLEANUP(free) struct view *view = calloc(1, sizeof(*view));

	if (!view)
		return FEED_FAILED;
	take_view(feed, view);
	CLEANUP(free) char *url = pubnub_publish_url(&view->keys, channel, payload);

	if (!url)
		return FEED_FAILED;
	if (pubnub_url_cost(&view->keys, url) > PUBNUB_URL_MAX)
		return FEED_TOO_LARGE;
	return publish_url(feed, rest, url);
}

void feed_status(struct feed *feed, struct feed_status *status)
{
	(void)pthread_mutex_lock(&feed->lock);
	int64_t silent_ms = wallclock_uptime_ms() - feed->heard_ms;
	bool stale = feed->subscribed && silent_ms > FEED_STALE_MS;

	status->subscribed = feed->subscribed && !stale;
	status->heard_s = feed->heard_s;
	status->reconnects = feed->reconnects;
	(void)snprintf(status->reason, sizeof(status->reason), "%s", feed->reason);
	if (stale)
		(void)snprintf(status->reason, sizeof(status->reason),
			"PubNub was last heard %lld s ago", (long long)silent_ms / 1000);
	(void)pthread_mutex_unlock(&feed->lock);
}

void feed_stop(struct feed *feed)
{
	atomic_store(&feed->stop, true);
	interrupt(feed);
	(void)pthread_join(feed->thread, NULL);
}

void feed_abandon(struct feed *feed)
{
	(void)pthread_mutex_lock(&feed->lock);
	atomic_store(&feed->abandoned, true);
	(void)pthread_cond_broadcast(&feed->changed);
	(void)pthread_mutex_unlock(&feed->lock);
}

static void leave(struct feed *feed)
{
	struct rest_reply reply;
	struct view *view = calloc(1, sizeof(*view));

	if (!view)
		return;
	take_view(feed, view);
	CLEANUP(free) char *url = pubnub_leave_url(&view->keys, &view->channels);

	/* Courtesy only: PubNub notices by itself within the heartbeat. */
	if (view->channels.count > 0 &&
		get(feed->rest, url, FEED_CALL_TIMEOUT_MS / 5, NULL, &reply) == CKR_OK)
		log_debug("feed: left status=%ld", reply.status);
	if (view->channels.count > 0)
		rest_reply_reset(&reply);
	free(view);
}

void feed_free(struct feed *feed)
{
	leave(feed);
	rest_free(feed->rest);
	(void)pthread_cond_destroy(&feed->changed);
	(void)pthread_mutex_destroy(&feed->lock);
	free(feed);
}
