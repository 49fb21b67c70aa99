/* SPDX-License-Identifier: Apache-2.0 */
/* Where the driver's listener puts messages and its jobs wait for them, by siguuid. */
#include "mailbox.h"

#include <time.h>

bool mailboxes_init(struct mailboxes *boxes)
{
	pthread_condattr_t monotonic;

	*boxes = (struct mailboxes){ .lock = PTHREAD_MUTEX_INITIALIZER };
	if (pthread_condattr_init(&monotonic) != 0)
		return false;
	bool made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
		    pthread_cond_init(&boxes->arrived, &monotonic) == 0;

	(void)pthread_condattr_destroy(&monotonic);
	return made;
}

void mailboxes_destroy(struct mailboxes *boxes)
{
	(void)pthread_cond_destroy(&boxes->arrived);
	(void)pthread_mutex_destroy(&boxes->lock);
}

void mailbox_add(struct mailboxes *boxes, struct mailbox *box)
{
	(void)pthread_mutex_lock(&boxes->lock);
	box->next = boxes->first;
	boxes->first = box;
	(void)pthread_mutex_unlock(&boxes->lock);
}

void mailbox_remove(struct mailboxes *boxes, struct mailbox *box)
{
	struct mailbox **place = &boxes->first;

	(void)pthread_mutex_lock(&boxes->lock);
	while (*place != box)
		place = &(*place)->next;
	*place = box->next;
	for (size_t i = 0; i < box->arrived; i++)
		json_decref(box->letters[i]);
	(void)pthread_mutex_unlock(&boxes->lock);
}

void mailbox_deliver(struct mailboxes *boxes, const char *siguuid, json_t *payload)
{
	(void)pthread_mutex_lock(&boxes->lock);
	struct mailbox *box = boxes->first;

	while (box && strcmp(box->siguuid, siguuid) != 0)
		box = box->next;
	if (box && box->arrived < MAILBOX_LETTERS_MAX) {
		json_t *copy = json_deep_copy(payload);

		if (copy)
			box->letters[box->arrived++] = copy;
		(void)pthread_cond_broadcast(&boxes->arrived);
	}
	(void)pthread_mutex_unlock(&boxes->lock);
}

json_t *mailbox_wait(struct mailboxes *boxes, struct mailbox *box, int64_t deadline_ms)
{
	const struct timespec until = { deadline_ms / 1000, deadline_ms % 1000 * 1000000 };
	json_t *letter = NULL;
	int rc = 0;

	(void)pthread_mutex_lock(&boxes->lock);
	while (box->taken == box->arrived && rc == 0)
		rc = pthread_cond_timedwait(&boxes->arrived, &boxes->lock, &until);
	if (box->taken < box->arrived)
		letter = box->letters[box->taken++];
	(void)pthread_mutex_unlock(&boxes->lock);
	return letter;
}

int64_t mailbox_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
