/* SPDX-License-Identifier: Apache-2.0 */
/* From a PubNub message, which anybody may have published, to a task: verified, matched, not seen
 * before. */
#include <stdio.h>
#include <stdlib.h>

#include "bridge_core.h"
#include "cleanup.h"
#include "text.h"
#include "wallclock.h"

#define ANSWER_NO_CA    "Failed to find CA on HSM"
#define ANSWER_OTHER_CA "The request names another CA than the one it is encrypted to"

enum { KEY_MAX = 2 * MESSAGE_FIELD_MAX };

/* What is known of a message while it is judged. */
struct intake {
	struct bridge *bridge;
	struct feed *feed;
	const struct pubnub_message *envelope;
	struct message message;
	struct bytes verified;
	X509 *signer; /* not owned */
};

static void refuse(const struct intake *intake, enum refusal_kind kind, const char *reason)
{
	refusal_report(&intake->bridge->refusals, kind, reason, intake->envelope->publisher);
}

static struct task *make_task(
	const struct intake *intake, enum task_kind kind, struct ca *ca, const char *siguuid)
{
	struct task *task = task_new();

	if (!task)
		return NULL;
	task->kind = kind;
	task->ca = ca;
	task->feed = intake->feed;
	(void)strcpy(task->channel, intake->envelope->channel);
	(void)strcpy(task->publisher, intake->envelope->publisher);
	(void)strcpy(task->siguuid, siguuid);
	(void)strcpy(task->signtype, intake->message.signtype);
	task->ttl_s = intake->message.ttl_seconds;
	task->published =
		intake->envelope->published > 0 ? intake->envelope->published : wallclock_now();
	return task;
}

static void touch(struct bridge *bridge, struct ca *ca)
{
	(void)pthread_mutex_lock(&bridge->lock);
	ca->last_message_s = wallclock_now_s();
	(void)pthread_mutex_unlock(&bridge->lock);
}

static void submit(const struct intake *intake, struct task *task)
{
	struct bridge *bridge = intake->bridge;

	touch(bridge, task->ca);
	task->queued_ms = wallclock_uptime_ms();
	if (queue_push(bridge->queue, task->ca->index, &task->item))
		return;
	refuse(intake, REFUSAL_OVERFLOW, "too many messages are waiting");
	task_give_back(bridge, task);
	task_free(task);
}

/* Asks the replay memory and completes the task by its verdict; takes the task over. */
static void submit_offer(
	const struct intake *intake, struct task *task, const char *key, struct bytes body)
{
	struct replay *replay = intake->bridge->replay;

	switch (replay_begin(replay, bytes_of_text(key), body, wallclock_now_s(), &task->ticket,
		&task->answer)) {
	case REPLAY_NEW:
		task->ticketed = true;
		submit(intake, task);
		return;
	case REPLAY_ANSWERED:
		task->kind = TASK_REPEAT;
		submit(intake, task);
		return;
	case REPLAY_PENDING:
		refuse(intake, REFUSAL_REPEATED, "repeated while it is worked on");
		break;
	case REPLAY_LOST:
		refuse(intake, REFUSAL_REPEATED, "repeated, and the answer is kept no longer");
		break;
	case REPLAY_CONFLICT:
		refuse(intake, REFUSAL_CONFLICT, "another request under a known siguuid");
		break;
	}
	task_free(task);
}

/* The same with the journal, for what the token shall sign. */
static void submit_job(const struct intake *intake, struct task *task, struct bytes body)
{
	const struct journal_job job = { task->ca->thumbprint, task->siguuid, task->signtype, body,
		task->requester, task->channel, task->publisher, task->published, task->ttl_s };

	switch (journal_accept(
		intake->bridge->journal, &job, wallclock_now_s(), &task->ticket, &task->answer)) {
	case JOURNAL_NEW:
		task->ticketed = true;
		submit(intake, task);
		return;
	case JOURNAL_ANSWERED:
		task->kind = TASK_REPEAT;
		submit(intake, task);
		return;
	case JOURNAL_UNWRITABLE:
		refuse(intake, REFUSAL_UNRECORDED, "the job journal cannot be written");
		task->refusal = JOURNAL_UNRECORDED;
		submit(intake, task);
		return;
	case JOURNAL_PENDING:
		refuse(intake, REFUSAL_REPEATED, "repeated while it is worked on");
		break;
	case JOURNAL_LOST:
		refuse(intake, REFUSAL_REPEATED, "repeated, and the answer is kept no longer");
		break;
	case JOURNAL_CONFLICT:
		refuse(intake, REFUSAL_CONFLICT, "another request under a known siguuid");
		break;
	}
	task_free(task);
}

static bool siguuid_agrees(const struct intake *intake, const char *inner)
{
	const char *outer = intake->message.siguuid;

	return outer[0] == '\0' || strcmp(outer, inner) == 0;
}

static bool is_present(struct bridge *bridge, const struct ca *ca)
{
	(void)pthread_mutex_lock(&bridge->lock);
	bool present = ca->present;

	(void)pthread_mutex_unlock(&bridge->lock);
	return present;
}

/*
 * The same solicitation again gets the same offer, so that repeating it costs no CA signature; one
 * that the platform signed anew is another one.
 */
static bool solicit_key(const struct intake *intake, const struct ca *ca, char key[KEY_MAX])
{
	uint8_t digest[32];
	char hex[2 * sizeof(digest) + 1];

	if (EVP_Digest(intake->message.smime, strlen(intake->message.smime), digest, NULL,
		    EVP_sha256(), NULL) != 1)
		return false;
	text_hex(hex, bytes_of(digest, sizeof(digest)));
	(void)snprintf(key, KEY_MAX, "%s %s", ca->thumbprint, hex);
	return true;
}

static void take_solicit(const struct intake *intake)
{
	struct message_solicit solicit;
	char key[KEY_MAX];

	if (!message_parse_solicit(intake->verified, &solicit)) {
		refuse(intake, REFUSAL_SHAPE, "the signed content is no solicitation");
		return;
	}
	struct ca *ca = ca_find(intake->bridge, solicit.serial, solicit.thumbprint);

	if (!ca || !is_present(intake->bridge, ca)) {
		refusal_count(&intake->bridge->refusals, REFUSAL_UNKNOWN_CA);
		return;
	}
	if (!siguuid_agrees(intake, solicit.siguuid)) {
		refuse(intake, REFUSAL_SIGUUID, "outer and inner siguuid differ");
		return;
	}
	struct task *task = make_task(intake, TASK_OFFER, ca, solicit.siguuid);

	if (!task)
		return;
	if (!solicit_key(intake, ca, key)) {
		task_free(task);
		return;
	}
	submit_offer(intake, task, key, intake->verified);
}

/* Decrypted content, and the CA whose channel it came through. */
struct opened {
	struct ca *ca;
	uint8_t *content;
	size_t len;
};

static bool try_open(const struct intake *intake, struct ca *ca, struct opened *opened)
{
	if (!ca || !channel_open(&ca->channel, intake->verified, &opened->content, &opened->len))
		return false;
	opened->ca = ca;
	return true;
}

/* The named CA first; the index is not trusted, so then all others. */
static bool open_request(const struct intake *intake, struct opened *opened)
{
	const struct message *message = &intake->message;
	struct ca *named = message->has_caindex && message->caindex >= 0
				   ? ca_at(intake->bridge, (size_t)message->caindex)
				   : NULL;
	size_t count = ca_count(intake->bridge);

	if (try_open(intake, named, opened))
		return true;
	for (size_t i = 0; i < count; i++) {
		struct ca *ca = ca_at(intake->bridge, i);

		if (ca != named && try_open(intake, ca, opened))
			return true;
	}
	return false;
}

static bool names_ca(const json_t *named, const struct ca *ca)
{
	const json_t *serial = json_object_get(named, "serial");
	const json_t *thumbprint = json_object_get(named, "thumbprint");

	if (!named || json_is_null(named) || json_is_false(named))
		return true;
	return json_is_string(serial) && json_is_string(thumbprint) &&
	       strcmp(json_string_value(serial), ca->serial) == 0 &&
	       strcmp(json_string_value(thumbprint), ca->thumbprint) == 0;
}

/* Why a request that can be read is answered with a refusal; NULL when it is to be run. */
static const char *find_refusal(
	const struct intake *intake, const struct ca *ca, const json_t *request)
{
	const struct message *message = &intake->message;

	if (!message->has_caindex || message->caindex != (int64_t)ca->index ||
		!is_present(intake->bridge, ca))
		return ANSWER_NO_CA;
	return names_ca(json_object_get(request, "ca"), ca) ? NULL : ANSWER_OTHER_CA;
}

static void submit_request(const struct intake *intake, const struct opened *opened,
	const struct message_request *request)
{
	struct task *task = make_task(intake, TASK_JOB, opened->ca, request->siguuid);

	if (!task)
		return;
	task->request = json_incref(request->request);
	task->refusal = find_refusal(intake, opened->ca, request->request);
	if (X509_up_ref(intake->signer) != 1) {
		task_free(task);
		return;
	}
	task->requester = intake->signer;
	submit_job(intake, task, bytes_of(opened->content, opened->len));
}

static void take_request(const struct intake *intake)
{
	struct opened opened = { 0 };
	struct message_request request;

	if (!open_request(intake, &opened)) {
		refuse(intake, REFUSAL_UNREADABLE, "no request for a channel of this appliance");
		return;
	}
	if (!message_parse_request(bytes_of(opened.content, opened.len), &request)) {
		refuse(intake, REFUSAL_UNREADABLE, "no request for a channel of this appliance");
	} else {
		if (siguuid_agrees(intake, request.siguuid))
			submit_request(intake, &opened, &request);
		else
			refuse(intake, REFUSAL_SIGUUID, "outer and inner siguuid differ");
		message_request_reset(&request);
	}
	OPENSSL_free(opened.content);
}

/* By the unsigned part alone: whether it is for us at all. */
static bool is_for_us(struct intake *intake)
{
	struct bridge *bridge = intake->bridge;
	const struct message *message = &intake->message;

	if (strcmp(intake->envelope->publisher, bridge->state.uuid) == 0) {
		refusal_count(&bridge->refusals, REFUSAL_OWN);
		return false;
	}
	if (!message_parse(intake->envelope->payload, &intake->message)) {
		refuse(intake, REFUSAL_MALFORMED, "no message of the protocol");
		return false;
	}
	bool addressed = message->uuid[0] == '\0' || strcmp(message->uuid, bridge->state.uuid) == 0;

	if (!addressed || (message->type != MESSAGE_SOLICIT && message->type != MESSAGE_REQUEST)) {
		refusal_count(&bridge->refusals, REFUSAL_FOREIGN);
		return false;
	}
	return true;
}

void intake_take(void *context, struct feed *feed, const struct pubnub_message *envelope)
{
	struct intake intake = { .bridge = context, .feed = feed, .envelope = envelope };
	CLEANUP(openssl) uint8_t *verified = NULL;
	CLEANUP(x509) X509 *signer = NULL;
	size_t len = 0;
	const char *reason = "";

	if (!is_for_us(&intake))
		return;
	if (!platform_verify(intake.bridge->platform, bytes_of_text(intake.message.smime),
		    &verified, &len, &signer, &reason)) {
		refuse(&intake, REFUSAL_UNVERIFIED, reason);
		return;
	}
	intake.verified = bytes_of(verified, len);
	intake.signer = signer;
	if (intake.message.type == MESSAGE_SOLICIT)
		take_solicit(&intake);
	else
		take_request(&intake);
}
