/* SPDX-License-Identifier: Apache-2.0 */
/* Who a peer is by the kernel's word, and what agent.conf lets it do with a token. */
#ifndef IOTHSM_RIGHTS_H
#define IOTHSM_RIGHTS_H

#include <sys/types.h>

#include "settings.h"

enum { PEER_GROUPS_MAX = 256 };

struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t groups[PEER_GROUPS_MAX]; /* without gid */
	size_t group_count;
};

/* Of a connected Unix socket; false with errno set. */
bool peer_read(int fd, struct peer *peer);

struct rights {
	CK_FLAGS allow;                           /* IOTHSM_RIGHT_* without the bits of kept PINs */
	const struct link_mechanisms *mechanisms; /* as long as the settings live */
};

/*
 * By the first section that names peer and token, or what everyone has. token NULL: on the agent as
 * a whole, which only sections for all tokens mean. A section that the unknown label of a token
 * would decide takes everything away.
 */
struct rights rights_of(
	const struct settings *settings, const struct peer *peer, const struct token_name *token);

/* May log in by a PIN that the agent keeps for this token. */
bool rights_use_kept_pin(
	const struct settings *settings, const struct peer *peer, const struct token_name *token);

#endif
