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
#include "leave.h"
#include "log.h"
#include "mutex.h"
#include "police_book.h"
#include "record.h"
#include "softhsm.h"

enum { WATCH_MS = 1000, LEAVE_LOOK_MS = 100, END_WAIT_MS = 3000, OWN_MAPPING_BYTES = 1 << 20 };

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
	softhsm_look_out(host);
	TRY(initialize_library(host));
	return host_list_tokens(host);
}

static void configure(struct host *host, const struct link_message *message)
{
	memcpy(host->backend, message->backend, sizeof(host->backend));
	memcpy(host->library, message->text, sizeof(host->library));
	memcpy(host->key, message->key, sizeof(host->key));
	host->serial = message->number == 1;
	if (message->time_ms > 0)
		host->call_ms = message->time_ms;
	host->busy_poll_us = message->busy_poll_us;
	if (message->memory > 0)
		host->memory.limit = message->memory;
}

/* Another host shows what this one cannot see; clients follow to it while this one ends. */
static bool ask_for_relief(struct host *host)
{
	const struct link_message restart = { .type = LINK_RESTART };

	if (!softhsm_is_outdated(host))
		return false;
	log_info("host: tokens were changed by others, a second host is wanted backend=%s",
		host->backend);
	host_tell(host, &restart);
	return true;
}

static void rescan(void *context)
{
	struct host *host = context;

	if (!ask_for_relief(host))
		(void)host_list_tokens(host);
}

/* A library other than SoftHSM2 sees by itself what there is. */
static void look(void *context)
{
	struct host *host = context;

	if (!ask_for_relief(host) && !host->known)
		(void)host_list_tokens(host);
}

static void run_aside(struct host *host, void (*work)(void *))
{
	if (!connection_run_aside(host, work, host))
		log_error("host: cannot list the tokens again, out of threads");
}

static void hear_client(struct host *host, const struct link_message *message, int fd)
{
	if (fd >= 0)
		connection_serve(host, message, fd);
	else
		log_warn("host: a connection was dropped for want of a descriptor, raise "
			 "LimitNOFILE uid=%u pid=%d",
			(unsigned)message->uid, (int)message->pid);
}

/* A host that cannot hold a policy must not go on as if there were none. */
static bool hear_policy(struct host *host, const struct link_message *message)
{
	if (!host->police_book)
		return false;
	police_book_configure(host->police_book, message);
	return true;
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
	case LINK_TICKET_VOID:
	case LINK_GUARD: host_remember(host, message); return true;
	case LINK_START: return start(host, backend) == CKR_OK;
	case LINK_CLIENT: hear_client(host, message, fd); return true;
	case LINK_CLIENT_GONE: client_gone(host, message->client); return true;
	case LINK_PING: host_tell(host, &(struct link_message){ .type = LINK_PONG }); return true;
	case LINK_WATCH: memcpy(host->watch, message->text, sizeof(host->watch)); return true;
	case LINK_RECORD: record_configure(host, message); return true;
	case LINK_POLICY: return hear_policy(host, message);
	case LINK_LEAVE: leave_begin(host); return true;
	case LINK_RESCAN: run_aside(host, rescan); return true;
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

static int wait_ms(const struct host *host)
{
	int64_t due_ms = lookout_due_ms(&host->lookout);
	int64_t now_ms = wire_now_ms();
	int64_t most_ms = host->leaving ? LEAVE_LOOK_MS : WATCH_MS;

	if (due_ms <= now_ms)
		return 0;
	return (int)(due_ms - now_ms < most_ms ? due_ms - now_ms : most_ms);
}

/* A host that leaves is not concerned any more. */
static void look_out(struct host *host)
{
	int64_t now_ms = wire_now_ms();

	lookout_hear(&host->lookout, now_ms);
	if (lookout_report(&host->lookout, now_ms) && !host->leaving)
		run_aside(host, look);
	if (host->leaving)
		leave_try_all(host);
}

static void loop(struct host *host, const struct backend *backend)
{
	bool goes_on = true;

	while (goes_on) {
		struct pollfd polls[] = { { .fd = host->link, .events = POLLIN },
			{ .fd = host->lookout.fd, .events = POLLIN } };
		int ready = poll(polls, ARRAY_LEN(polls), wait_ms(host));

		if (ready > 0 && polls[0].revents)
			goes_on = hear_one(host, backend);
		watch(host);
		look_out(host);
		goes_on = goes_on && !leave_is_done(host);
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
	(void)sigaction(SIGXFSZ, &ignore, NULL);   /* a write that fails, as on a full disk */
	(void)fcntl(LINK_FD, F_SETFD, FD_CLOEXEC); /* no program that we start may keep it open */
	host_init(&host, NULL, LINK_FD);
	loop(&host, backend);
	return end(&host, backend);
}
