/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the other end of the socket may be told a PIN. */
#include "trust.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* /etc/passwd itself: getpwnam() may ask a directory server, and hang with it. */
static bool is_agent_user(uid_t uid)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd entry;
	struct passwd *found;
	char text[1024];
	bool is_agent = false;

	if (!file)
		return false;
	while (!is_agent && fgetpwent_r(file, &entry, text, sizeof(text), &found) == 0)
		is_agent = found->pw_uid == uid && strcmp(found->pw_name, "iothsm") == 0;
	(void)fclose(file);
	return is_agent;
}

bool trust_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer))
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || is_agent_user(peer.uid);
}
