/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in force in a host: read again when it changed, and how often each key was used. */
#ifndef IOTHSM_POLICE_BOOK_H
#define IOTHSM_POLICE_BOOK_H

#include "link.h"
#include "policy.h"

struct police_book;
struct police_book *police_book_new(void);
void police_book_free(struct police_book *book);

/* LINK_POLICY: where policy.conf is, and the directory of default blocks. */
void police_book_configure(struct police_book *book, const struct link_message *message);

/* One reading of it; stays as it is while it is held. NULL policy: it could not be read at all. */
struct police_edition {
	unsigned refs; /* guarded by the book */
	struct policy *policy;
};

/* NULL when there is no policy at all. To be given back. */
struct police_edition *police_book_take(struct police_book *book);
void police_book_give(struct police_book *book, struct police_edition *edition);

/* Counts a signature; false when the key made more than it may in an hour. */
bool police_book_count(struct police_book *book, const struct policy_key *key, int64_t now_ms);

/* Writes the default block of a CA into the directory; nothing without one. */
void police_book_adopt(struct police_book *book, const X509 *cert);

#endif
