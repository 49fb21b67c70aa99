/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a token host process: what the front says, the backend's start and end, the watchdog.
 */
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "backend.h"
#include "client.h"
#include "connection.h"
#include "log.h"
#include "mutex.h"
#include "softhsm.h"

enum { WATCH_MS = 1000, END_WAIT_MS = 3000, OWN_MAPPING_BYTES = 1 << 20 };

static CK_RV initialize_library(struct host *host)
{
	CK_C_INITIALIZE_ARGS ours = { .CreateMutex = mutex_create,
		.DestroyMutex = mutex_destroy,
		.LockMutex = mutex_lock,
		.UnlockMutex = mutex_unlock };
	CK_C_INITIALIZE_ARGS system = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv = host->functions->C_Initialize(&ours);

	if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD)
		rv = host->functions->C_Initialize(&system);
	if (rv == CKR_CANT_LOCK) {
		log_warn("host: the library is not thread-safe, its calls are made one at a time "
			 "backend=%s",
			host->backend);
		host->serial = true;
		rv = host->functions->C_Initialize(NULL);
	}
	if (rv != CKR_OK)
		log_error("host: C_Initialize failed, check the library and its configuration "
			  "backend=%s rv=0x%lx",
			host->backend, rv);
	return rv;
}

static CK_RV start(struct host *host, const struct backend *backend)
{
	if (RAND_bytes((unsigned char *)&host->incarnation, sizeof(host->incarnation)) != 1)
		return CKR_FUNCTION_FAILED;
	host->incarnation |= 1;
	TRY(backend->open(host->library, &host->functions));
	TRY(initialize_library(host));
	return host_list_tokens(host);
}

static void configure(struct host *host, const struct link_message *message)
{
	memcpy(host->backend, message->backend, sizeof(host->backend));
	memcpy(host->library, message->text, sizeof(host->library));
	memcpy(host->key, message->key, sizeof(host->key));
	host->serial = message->number == 1;
}

/* The next host shows what this one cannot see; clients follow it as after any restart. */
static void rescan(void *context)
{
	struct link_message restart = { .type = LINK_RESTART };
	struct host *host = context;

	if (!softhsm_is_outdated(host)) {
		(void)host_list_tokens(host);
		return;
	}
	log_info("host: tokens were made or deleted by others, the host asks to be started again "
		 "backend=%s",
		host->backend);
	host_tell(host, &restart);
}

/* False: end. A message that only the host sends is the front's mistake and ignored. */
static bool hear(
	struct host *host, const struct backend *backend, struct link_message *message, int fd)
{
	switch (message->type) {
	case LINK_CONFIG: configure(host, message); return true;
	case LINK_STORE: memcpy(host->store, message->text, sizeof(host->store)); return true;
	case LINK_PIN:
	case LINK_TICKET:
	case LINK_GUARD: host_remember(host, message); return true;
	case LINK_START: return start(host, backend) == CKR_OK;
	case LINK_CLIENT:
		if (fd >= 0)
			connection_serve(host, message, fd);
		return true;
	case LINK_CLIENT_GONE: client_gone(host, message->client); return true;
	case LINK_RESCAN:
		if (!connection_run_aside(host, rescan, host))
			log_error("host: cannot list the tokens again, out of threads");
		return true;
	default: log_warn("host: a message of the wrong kind type=%d", message->type); return true;
	}
}

static bool hear_one(struct host *host, const struct backend *backend)
{
	struct link_message message;
	int fd = -1;
	bool goes_on = link_receive(host->link, &message, &fd) && hear(host, backend, &message, fd);

	if (fd >= 0 && message.type != LINK_CLIENT)
		(void)close(fd);
	secret_wipe(&message.secret);
	return goes_on;
}

static void watch(struct host *host)
{
	if (connection_check_watchdog(host, wire_now_ms()))
		return;
	log_error("host: a call of the backend hangs, the host ends to be started again backend=%s",
		host->backend);
	_exit(1);
}

static void loop(struct host *host, const struct backend *backend)
{
	struct pollfd link = { .fd = host->link, .events = POLLIN };
	bool goes_on = true;

	while (goes_on) {
		int ready = poll(&link, 1, WATCH_MS);

		if (ready > 0)
			goes_on = hear_one(host, backend);
		watch(host);
	}
}

/* A thread that is still inside the library forbids to unload it. */
static int end(struct host *host, const struct backend *backend)
{
	bool started = host->token_count > 0;

	connection_shut_down(host, NULL);
	if (!connection_wait_all(host, END_WAIT_MS))
		_exit(started ? 0 : 1);
	if (started)
		(void)host->functions->C_Finalize(NULL);
	client_free_all(host);
	host_reset(host);
	backend->close();
	return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

int host_run(const struct backend *backend)
{
	static struct host host;
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	secret_harden_process();
	/* A PIN's hash takes 16 MiB for a moment, which every thread's heap would keep for itself.
	 */
	(void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)fcntl(LINK_FD, F_SETFD, FD_CLOEXEC); /* no program that we start may keep it open */
	host_init(&host, NULL, LINK_FD);
	loop(&host, backend);
	return end(&host, backend);
}
