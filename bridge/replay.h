/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked before, so that no request is executed twice; answers are kept in one bounded,
 * unnamed file. */
#ifndef IOTHSM_REPLAY_H
#define IOTHSM_REPLAY_H

#include <iothsm/pkcs11-3.2.h>

#include "bytes.h"

enum {
	REPLAY_ENTRIES_MAX = 20000,
	REPLAY_LIFE_SECONDS = 24 * 3600,
	REPLAY_ANSWERS_MAX = 64 * 1024 * 1024, /* bytes of the file */
};

struct replay;

enum replay_verdict {
	REPLAY_NEW,      /* not seen: *ticket is for replay_answer() or replay_forget() */
	REPLAY_PENDING,  /* the same is being worked on */
	REPLAY_ANSWERED, /* *answer is the stored one, freed by the caller */
	REPLAY_LOST,     /* answered, but the answer is kept no longer */
	REPLAY_CONFLICT, /* another body under the same key */
};

/* directory: where the unnamed file lies. NULL with errno set. */
struct replay *replay_new(const char *directory);
void replay_free(struct replay *replay);

/* key: what identifies the request; body: its content. Any thread. */
enum replay_verdict replay_begin(struct replay *replay, struct bytes key, struct bytes body,
	int64_t now_s, uint64_t *ticket, char **answer);

void replay_answer(struct replay *replay, uint64_t ticket, const char *answer);

/* It was not executed (its time to live had passed, for instance) and may come again. */
void replay_forget(struct replay *replay, uint64_t ticket);

#endif
