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
	RIGHTS_EVERYONE = IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN | IOTHSM_RIGHT_DECRYPT |
			  IOTHSM_RIGHT_GENERATE | IOTHSM_RIGHT_DESTROY | IOTHSM_RIGHT_SO
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

static bool means_all_tokens(const struct settings_rights *rights)
{
	for (size_t i = 0; i < rights->token_count; i++)
		if (!rights->tokens[i].by_serial && !rights->tokens[i].by_label)
			return true;
	return rights->token_count == 0;
}

static enum token_match_result names_token(
	const struct settings_rights *rights, const struct token_name *token)
{
	enum token_match_result result = TOKEN_MATCH_NO;

	if (means_all_tokens(rights))
		return TOKEN_MATCH_YES;
	for (size_t i = 0; token && i < rights->token_count && result != TOKEN_MATCH_YES; i++) {
		enum token_match_result judged = token_match_judge(&rights->tokens[i], token);

		if (judged != TOKEN_MATCH_NO)
			result = judged;
	}
	return result;
}

static struct rights rights_without_section(const struct peer *peer)
{
	static const struct link_mechanisms every = { .count = LINK_MECHANISMS_ALL };
	bool administers = peer->uid == 0 || peer->uid == geteuid();

	return (struct rights){ RIGHTS_EVERYONE | (administers ? IOTHSM_RIGHT_ADMIN : 0), &every };
}

struct rights rights_of(
	const struct settings *settings, const struct peer *peer, const struct token_name *token)
{
	for (size_t i = 0; i < settings->rights_count; i++) {
		const struct settings_rights *rights = &settings->rights[i];

		if (!names_peer(rights, peer))
			continue;
		switch (names_token(rights, token)) {
		case TOKEN_MATCH_NO: continue;
		case TOKEN_MATCH_YES: return (struct rights){ rights->allow, &rights->mechanisms };
		case TOKEN_MATCH_PERHAPS: return (struct rights){ 0, &rights->mechanisms };
		}
	}
	return rights_without_section(peer);
}

bool rights_use_kept_pin(
	const struct settings *settings, const struct peer *peer, const struct token_name *token)
{
	const struct settings_token *named = settings_find_token(settings, token);

	return settings_ids_contain(named ? &named->pin_users : &settings->pin_users, peer->uid);
}
