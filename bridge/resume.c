/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that were due when the process before this one ended, sent once its CA is registered. */
#include <stdio.h>
#include <stdlib.h>

#include "bridge_core.h"
#include "certificate.h"
#include "cleanup.h"
#include "json.h"
#include "text.h"
#include "wallclock.h"

static bool copy_text(char *out, size_t size, const json_t *record, const char *key)
{
	const char *text = json_text(record, key);
	int len = text ? snprintf(out, size, "%s", text) : -1;

	return len >= 0 && (size_t)len < size;
}

static X509 *read_requester(const json_t *record)
{
	const char *text = json_text(record, "certificate");
	size_t len = 0;
	CLEANUP(free) uint8_t *der = text ? text_from_base64(text, strlen(text), &len) : NULL;

	return der ? certificate_parse(NULL, bytes_of(der, len)) : NULL;
}

static bool fill_task(struct task *task, const json_t *record)
{
	task->requester = read_requester(record);
	task->published = json_integer_value(json_object_get(record, "published"));
	task->ttl_s = json_number_value(json_object_get(record, "ttl"));
	task->queued_ms = wallclock_uptime_ms();
	return task->requester &&
	       copy_text(task->channel, sizeof(task->channel), record, "channel") &&
	       copy_text(task->publisher, sizeof(task->publisher), record, "publisher") &&
	       copy_text(task->siguuid, sizeof(task->siguuid), record, "siguuid") &&
	       copy_text(task->signtype, sizeof(task->signtype), record, "kind");
}

static struct feed *feed_of(struct bridge *bridge, const struct ca *ca)
{
	(void)pthread_mutex_lock(&bridge->lock);
	struct feed *feed = ca->feed;

	(void)pthread_mutex_unlock(&bridge->lock);
	return feed;
}

/* Takes the answer over. */
static void submit_unsent(struct bridge *bridge, struct ca *ca, struct feed *feed,
	const json_t *record, const struct task *known)
{
	struct task *task = task_new();

	if (!task) {
		free(known->answer);
		return;
	}
	*task = *known;
	task->kind = TASK_REPEAT;
	task->ca = ca;
	task->feed = feed;
	if (!fill_task(task, record) || !queue_push(bridge->queue, ca->index, &task->item))
		task_free(task);
}

void resume_answers(struct bridge *bridge, struct ca *ca)
{
	struct feed *feed = feed_of(bridge, ca);
	struct task known = { 0 };
	json_t *record;

	while (feed && (record = journal_take_unsent(
				bridge->journal, ca->thumbprint, &known.ticket, &known.answer))) {
		submit_unsent(bridge, ca, feed, record, &known);
		json_decref(record);
		known.answer = NULL;
	}
}
