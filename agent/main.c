/* SPDX-License-Identifier: Apache-2.0 */
/* iothsm-agent: the front door of all tokens of this machine. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "door.h"
#include "file.h"
#include "listen.h"
#include "log.h"
#include "reload.h"
#include "socket_watch.h"
#include "supervise.h"

static const char *configuration = "/etc/iothsm/agent.conf";

static void usage(FILE *file)
{
	(void)fputs("usage: iothsm-agent [-c FILE] [-f]\n"
		    "  -c FILE  configuration, by default /etc/iothsm/agent.conf\n"
		    "  -f       stay in the foreground, which it always does\n"
		    "  -h, -V   this text, the version\n",
		file);
}

/* The exit status when the program is to end here, else -1. */
static int read_arguments(int argc, char **argv)
{
	for (int option = getopt(argc, argv, "c:fhV"); option != -1;
		option = getopt(argc, argv, "c:fhV")) {
		switch (option) {
		case 'c': configuration = optarg; break;
		case 'f': break;
		case 'h': usage(stdout); return 0;
		case 'V': (void)puts("iothsm-agent " IOTHSM_VERSION); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (optind == argc)
		return -1;
	usage(stderr);
	return 2;
}

/* Every connection is a descriptor for a moment at least. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max > 65536 ? 65536 : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_debug("agent: the limit of descriptors stays as it is: %s", strerror(errno));
}

static int open_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN); /* of a closed stderr */
	(void)signal(SIGXFSZ, SIG_IGN); /* a write that fails, as on a full disk */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Two agents with one state directory would overwrite each other: the lock lasts as long as we do.
 */
static CK_RV take_state(const char *state)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/objects", state);
	if (!file_make_directory(state, 0700) || !file_make_directory(path, 0700)) {
		log_error("agent: cannot make the state directory, check its owner or set 'state': "
			  "%s: %s",
			path, strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	(void)snprintf(path, sizeof(path), "%s/lock", state);
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
		return CKR_OK;
	if (errno == EWOULDBLOCK)
		log_error("agent: another agent uses this state directory, stop it or set 'state': "
			  "%s",
			state);
	else
		log_error("agent: cannot lock the state directory: %s: %s", path, strerror(errno));
	return CKR_GENERAL_ERROR;
}

/* The configured one; beside the agent itself in a build tree; else where it was installed. */
static void find_libexec(struct front *front)
{
	char host[PATH_MAX + 32];
	char *directory = front->libexec;
	size_t room = sizeof(front->libexec);
	ssize_t len = readlink("/proc/self/exe", directory, room - 1);

	if (front->settings->libexec) {
		(void)snprintf(directory, room, "%s", front->settings->libexec);
		return;
	}
	directory[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(directory, '/');

	if (slash)
		*slash = '\0';
	(void)snprintf(host, sizeof(host), "%s/iothsm-host-pkcs11", directory);
	if (!slash || access(host, X_OK) != 0)
		(void)snprintf(directory, room, "%s", IOTHSM_LIBEXEC);
}

static CK_RV open_front(struct front *front)
{
	front->settings = settings_load(configuration);
	if (!front->settings)
		return CKR_GENERAL_ERROR;
	find_libexec(front);
	TRY(take_state(front->settings->state));
	throttle_init(&front->refusals);
	TRY(kept_load(&front->kept, front->settings->state));
	TRY(ticket_box_init(&front->tickets));
	TRY(supervise_init(front));
	front->listener = listen_open(front->settings->socket, &front->listener_is_ours);
	if (front->listener < 0)
		return CKR_GENERAL_ERROR;
	socket_watch_open(front);
	return CKR_OK;
}

static void close_front(struct front *front)
{
	socket_watch_close(front);
	if (front->listener >= 0)
		listen_close(front->listener, front->settings->socket, front->listener_is_ours);
	door_close(front);
	supervise_stop(front);
	ticket_box_reset(&front->tickets);
	throttle_reset(&front->refusals);
	kept_reset(&front->kept);
	slot_table_reset(&front->slots);
	settings_free(front->settings);
}

static void reload(struct front *front)
{
	listen_notify("RELOADING=1");
	reload_settings(front, configuration);
	socket_watch_check(front);
	listen_notify("READY=1");
}

static CK_RV run(struct front *front)
{
	int signals = open_signals();

	if (signals < 0) {
		log_error("agent: cannot receive signals: %s", strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	CK_RV rv = open_front(front);

	if (rv == CKR_HOST_MEMORY)
		log_error("agent: out of memory at start");
	if (rv != CKR_OK)
		return rv;
	log_info("agent: ready socket=%s backends=%zu pid=%d", front->settings->socket,
		front->backend_count, (int)getpid());
	listen_notify("READY=1");
	rv = door_run(front, signals, reload);

	log_info("agent: ends");
	listen_notify("STOPPING=1");
	return rv;
}

int main(int argc, char **argv)
{
	static struct front front = { .listener = -1, .watcher = -1 };

	secret_harden_process();
	int status = read_arguments(argc, argv);

	if (status >= 0)
		return status;
	raise_descriptor_limit();
	CK_RV rv = run(&front);

	close_front(&front);
	return rv == CKR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
