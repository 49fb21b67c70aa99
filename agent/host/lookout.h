/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a token directory by anyone (inotify), reported once it is quiet again. */
#ifndef IOTHSM_LOOKOUT_H
#define IOTHSM_LOOKOUT_H

#include "link.h"

enum {
	LOOKOUT_QUIET_MS = 200,      /* without a change, before one is reported */
	LOOKOUT_LATEST_MS = 2 * 1000 /* after the first one it is reported in any case */
};

struct lookout {
	int fd; /* -1: nothing is watched */
	char directory[LINK_TEXT_MAX];
	int64_t first_ms, last_ms; /* of the changes not reported yet; 0: none */
};

void lookout_init(struct lookout *lookout);

/* Watches the directory and those in it; false with errno set. */
bool lookout_open(struct lookout *lookout, const char *directory);
void lookout_close(struct lookout *lookout);

/* Reads what the descriptor has. */
void lookout_hear(struct lookout *lookout, int64_t now_ms);

/* When there is something to report, INT64_MAX for never. */
int64_t lookout_due_ms(const struct lookout *lookout);

/* True once for all changes so far. */
bool lookout_report(struct lookout *lookout, int64_t now_ms);

#endif
