/* SPDX-License-Identifier: Apache-2.0 */
/* Where the driver's listener puts messages and its jobs wait for them, by siguuid. */
#ifndef IOTHSM_STANDIN_MAILBOX_H
#define IOTHSM_STANDIN_MAILBOX_H

#include <jansson.h>
#include <pthread.h>

#include "bytes.h"
#include "identity.h"

enum { MAILBOX_LETTERS_MAX = 32 };

/* What came for one job. Lives on the job's stack between mailbox_add() and mailbox_remove(). */
struct mailbox {
	char siguuid[IDENTITY_UUID_SIZE];
	json_t *letters[MAILBOX_LETTERS_MAX];
	size_t arrived;
	size_t taken;
	struct mailbox *next;
};

struct mailboxes {
	pthread_mutex_t lock; /* of everything below, and of the boxes in the list */
	pthread_cond_t arrived;
	struct mailbox *first;
};

bool mailboxes_init(struct mailboxes *boxes);
void mailboxes_destroy(struct mailboxes *boxes);

void mailbox_add(struct mailboxes *boxes, struct mailbox *box);
void mailbox_remove(struct mailboxes *boxes, struct mailbox *box);

/* Copies the payload, so that threads share no value; without effect when no box has this siguuid
 * or it is full. */
void mailbox_deliver(struct mailboxes *boxes, const char *siguuid, json_t *payload);

/* The next letter, owned by the box; NULL at the deadline (CLOCK_MONOTONIC). */
json_t *mailbox_wait(struct mailboxes *boxes, struct mailbox *box, int64_t deadline_ms);

int64_t mailbox_now_ms(void);

#endif
