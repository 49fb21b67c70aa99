/* SPDX-License-Identifier: Apache-2.0 */
/* A token host as a child process with its end of the link at LINK_FD. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "log.h"

bool launch_path(
	char *path, size_t room, const struct settings_backend *backend, const char *libexec)
{
	int len = snprintf(path, room, "%s/iothsm-host-%s", libexec, backend->type);

	return len > 0 && (size_t)len < room;
}

static void set_environment(const struct settings_backend *backend)
{
	static const char *const of_the_agent[] = { "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID",
		"LISTEN_FDNAMES", "CREDENTIALS_DIRECTORY" };

	for (size_t i = 0; i < ARRAY_LEN(of_the_agent); i++)
		(void)unsetenv(of_the_agent[i]);
	for (size_t i = 0; i < backend->env.count; i++)
		(void)putenv(backend->env.items[i]);
}

/* dup2() onto itself would leave the descriptor to be closed by exec. */
static bool place_link(int link)
{
	if (link == LINK_FD)
		return fcntl(link, F_SETFD, 0) == 0;
	return dup2(link, LINK_FD) == LINK_FD;
}

/* In the child: everything but the link and stderr is closed by exec. */
static _Noreturn void become_host(
	const struct settings_backend *backend, const char *path, int link, pid_t agent)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != agent)
		_exit(126);
	set_environment(backend);
	if (place_link(link)) {
		(void)execv(path, argv);
	}
	log_error("agent: cannot run the token host, set 'libexec' in agent.conf: %s: %s", path,
		strerror(errno));
	_exit(127);
}

/* Our end is the first one. */
static bool make_link(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return true;
	(void)close(ends[0]);
	(void)close(ends[1]);
	return false;
}

pid_t launch_host(const struct settings_backend *backend, const char *libexec, int *link)
{
	char path[PATH_MAX];
	int ends[2];
	pid_t agent = getpid();

	if (!launch_path(path, sizeof(path), backend, libexec)) {
		log_error("agent: the path of the token host is too long: %s", libexec);
		return -1;
	}
	if (!make_link(ends)) {
		log_error("agent: cannot make the link to a token host, raise LimitNOFILE "
			  "backend=%s: %s",
			backend->name, strerror(errno));
		return -1;
	}
	pid_t pid = fork();

	if (pid == 0)
		become_host(backend, path, ends[1], agent);
	if (pid < 0)
		log_error("agent: cannot start a token host backend=%s: %s", backend->name,
			strerror(errno));
	(void)close(ends[1]);
	if (pid < 0)
		(void)close(ends[0]);
	else
		*link = ends[0];
	return pid;
}
