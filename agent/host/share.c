/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a host's memory that the calls of one user may take. */
#include "share.h"

#include <stdlib.h>

static struct share *new_locked(struct host *host, uid_t uid)
{
	struct share *share = calloc(1, sizeof(*share));

	if (!share)
		return NULL;
	share->uid = uid;
	share->budget.parent = &host->memory;
	share->budget.limit = host->memory.limit / SHARE_OF_USER;
	share->next = host->shares;
	host->shares = share;
	return share;
}

struct share *share_get_locked(struct host *host, uid_t uid)
{
	struct share *share = host->shares;

	while (share && share->uid != uid)
		share = share->next;
	if (!share)
		share = new_locked(host, uid);
	if (share)
		share->refs++;
	return share;
}

void share_put_locked(struct host *host, struct share *share)
{
	struct share **at = &host->shares;

	if (--share->refs > 0)
		return;
	while (*at != share)
		at = &(*at)->next;
	*at = share->next;
	free(share);
}
