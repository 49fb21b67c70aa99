/* SPDX-License-Identifier: Apache-2.0 */
/* Who a peer is by the kernel's word, and what agent.conf lets it do with a token. */
#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RIGHTS_EVERYONE =
		IOTHSM_RIGHT_USE | IOTHSM_RIGHT_GENERATE | IOTHSM_RIGHT_DESTROY | IOTHSM_RIGHT_SO
};

/* For a kernel without SO_PEERGROUPS: what the user database says. */
static bool read_groups_by_name(struct peer *peer)
{
	int count = PEER_GROUPS_MAX;
	const struct passwd *user = getpwuid(peer->uid);

	peer->group_count = 0;
	if (!user)
		return true; /* a uid without a name has no further groups */
	if (getgrouplist(user->pw_name, peer->gid, peer->groups, &count) < 0) {
		errno = E2BIG;
		return false;
	}
	peer->group_count = (size_t)count;
	return true;
}

static bool read_groups(int fd, struct peer *peer)
{
#ifdef SO_PEERGROUPS
	socklen_t len = sizeof(peer->groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &len) == 0) {
		peer->group_count = len / sizeof(peer->groups[0]);
		return true;
	}
	if (errno == ERANGE)
		return false;
#else
	(void)fd;
#endif
	return read_groups_by_name(peer);
}

bool peer_read(int fd, struct peer *peer)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0)
		return false;
	*peer = (struct peer){
		.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid
	};
	return read_groups(fd, peer);
}

static bool names_peer(const struct settings_rights *rights, const struct peer *peer)
{
	if (rights->users.count == 0 && rights->groups.count == 0)
		return true;
	if (settings_ids_contain(&rights->users, peer->uid) ||
		settings_ids_contain(&rights->groups, peer->gid))
		return true;
	for (size_t i = 0; i < peer->group_count; i++)
		if (settings_ids_contain(&rights->groups, peer->groups[i]))
			return true;
	return false;
}

static bool names_token(const struct settings_rights *rights, const char *serial)
{
	if (rights->tokens.count == 0)
		return true;
	for (size_t i = 0; serial && i < rights->tokens.count; i++)
		if (strcmp(rights->tokens.items[i], serial) == 0)
			return true;
	return false;
}

CK_FLAGS rights_of(const struct settings *settings, const struct peer *peer, const char *serial)
{
	for (size_t i = 0; i < settings->rights_count; i++) {
		const struct settings_rights *rights = &settings->rights[i];

		if (names_peer(rights, peer) && names_token(rights, serial))
			return rights->allow;
	}
	if (peer->uid == 0 || peer->uid == geteuid())
		return RIGHTS_EVERYONE | IOTHSM_RIGHT_ADMIN;
	return RIGHTS_EVERYONE;
}

bool rights_use_kept_pin(
	const struct settings *settings, const struct peer *peer, const char *serial)
{
	const struct settings_token *token = settings_find_token(settings, serial);

	return settings_ids_contain(token ? &token->pin_users : &settings->pin_users, peer->uid);
}
