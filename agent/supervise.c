/* SPDX-License-Identifier: Apache-2.0 */
/* Token hosts as processes: started, restarted with back-off, given back what they knew. */
#include "supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "briefing.h"
#include "handle_key.h"
#include "launch.h"
#include "log.h"
#include "takeover.h"
#include "uplink.h"

CK_RV supervise_init(struct front *front)
{
	TRY(handle_key_load(front->handle_key, front->settings->state));
	for (size_t i = 0; i < front->settings->backend_count; i++) {
		struct backend *backend = &front->backends[i];
		char path[PATH_MAX];

		backend->settings = &front->settings->backends[i];
		backend->host.link = backend->second.link = -1;
		backend->away_ms = wire_now_ms();
		if (!launch_path(path, sizeof(path), backend->settings, front->libexec) ||
			access(path, X_OK) != 0) {
			log_error("agent: no token host for backend \"%s\" of type '%s', correct "
				  "the type or set 'libexec': %s: %s",
				backend->settings->name, backend->settings->type, path,
				strerror(errno));
			return CKR_GENERAL_ERROR;
		}
		TRY(slot_add_backend(&front->slots, backend->settings->name));
		front->backend_count++;
	}
	return CKR_OK;
}

void supervise_end(struct front *front, size_t index, const char *reason)
{
	struct backend *backend = &front->backends[index];

	if (backend->host.link < 0)
		return;
	if (reason)
		log_warn("agent: a token host is ended backend=%s pid=%d reason=\"%s\"",
			backend->settings->name, (int)backend->host.pid, reason);
	process_close(&backend->host);
	/* What is arriving then is the list of the host that takes over. */
	if (backend->role != SECOND_STARTING)
		slot_list_abandon(&front->slots, index);
	if (backend->state != BACKEND_STARTING)
		backend->away_ms = wire_now_ms();
	backend->state = BACKEND_ENDING;
	backend->next_ms = wire_now_ms() + SUPERVISE_STOP_MS;
}

/* One that misbehaved does not get the time to end in order. */
static void kill_host(struct front *front, size_t index, const char *reason)
{
	supervise_end(front, index, reason);
	process_kill(&front->backends[index].host);
}

void supervise_send(struct front *front, size_t index, const struct link_message *message)
{
	if (!process_send(&front->backends[index].host, message))
		kill_host(front, index, "it does not read its link");
}

void supervise_send_all(struct front *front, const struct link_message *message)
{
	for (size_t i = 0; i < front->backend_count; i++) {
		supervise_send(front, i, message);
		if (!process_send(&front->backends[i].second, message))
			takeover_end_second(front, i, "it does not read its link");
	}
}

void supervise_flush(struct front *front, size_t index, bool first, bool second)
{
	struct backend *backend = &front->backends[index];

	if (first && !process_flush(&backend->host))
		kill_host(front, index, "its link is broken");
	if (second && !process_flush(&backend->second))
		takeover_end_second(front, index, "its link is broken");
}

/* The wait before the next start after so many short lives in a row. */
int64_t supervise_backoff_ms(unsigned short_lives)
{
	int64_t wait = SUPERVISE_BACKOFF_FIRST_MS;

	if (short_lives <= 1)
		return 0;
	for (unsigned i = 2; i < short_lives && wait < SUPERVISE_BACKOFF_MAX_MS; i++)
		wait *= 2;
	return wait < SUPERVISE_BACKOFF_MAX_MS ? wait : SUPERVISE_BACKOFF_MAX_MS;
}

static void count_life(struct backend *backend, int64_t life_ms, bool crashed)
{
	if (life_ms >= SUPERVISE_LONG_LIFE_MS)
		backend->short_lives = 0;
	backend->short_lives++;
	if (crashed && life_ms < SUPERVISE_QUICK_CRASH_MS)
		backend->quick_crashes++;
	else if (life_ms >= SUPERVISE_QUICK_CRASH_MS)
		backend->quick_crashes = 0;
}

static void plan_restart(struct backend *backend, int64_t now_ms)
{
	backend->state = BACKEND_DOWN;
	backend->next_ms = now_ms + supervise_backoff_ms(backend->short_lives);
	if (backend->short_lives < SUPERVISE_SHORT_LIVES_MAX)
		return;
	backend->state = BACKEND_FAILED;
	backend->next_ms = now_ms + SUPERVISE_FAILED_MS;
	log_error(
		"agent: the token host of a backend died %u times in a row, next try in %d s; see "
		"its messages above backend=%s",
		backend->short_lives, SUPERVISE_FAILED_MS / 1000, backend->settings->name);
}

/* A kill -9 that was not ours comes from outside and says nothing about PINs. */
static bool is_crash(const struct backend *backend, int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) != SIGKILL || backend->host.killed;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* A hang is noticed late, by the host's watchdog or by us: until then it looked like life. */
static bool has_hung(const struct backend *backend, int status)
{
	return backend->host.killed || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
}

static void host_has_ended(struct front *front, size_t index, int status, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];
	int64_t life_ms = now_ms - backend->host.started_ms;

	if (backend->host.link >= 0)
		uplink_drain(front, index);
	supervise_end(front, index, NULL);
	log_warn("agent: a token host ended backend=%s pid=%d %s=%d after_ms=%lld",
		backend->settings->name, (int)backend->host.pid,
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)life_ms);
	backend->host.pid = 0;
	if (has_hung(backend, status) &&
		life_ms < SUPERVISE_LONG_LIFE_MS + backend->settings->call_ms)
		life_ms = 0;
	count_life(backend, life_ms, is_crash(backend, status));
	if (!takeover_promote(front, index))
		plan_restart(backend, now_ms);
}

void supervise_reap(struct front *front, int64_t now_ms)
{
	for (size_t i = 0; i < front->backend_count; i++) {
		int status;
		pid_t pid = front->backends[i].second.pid;

		if (pid > 0 && waitpid(pid, &status, WNOHANG) == pid)
			takeover_reaped(front, i, status);
		pid = front->backends[i].host.pid;
		if (pid > 0 && waitpid(pid, &status, WNOHANG) == pid)
			host_has_ended(front, i, status, now_ms);
	}
}

/* Libraries like SoftHSM2 fail when two processes start on one directory at once. */
bool supervise_has_to_queue(const struct front *front, size_t index)
{
	const struct settings_backend *settings = front->backends[index].settings;

	for (size_t i = 0; *settings->module && i < front->backend_count; i++) {
		const struct backend *other = &front->backends[i];

		if (i != index &&
			(other->state == BACKEND_STARTING || other->role == SECOND_STARTING) &&
			strcmp(other->settings->module, settings->module) == 0)
			return true;
	}
	return false;
}

static void start(struct front *front, size_t index, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];
	pid_t pid = launch_host(backend->settings, front->libexec, &backend->host.link);

	if (backend->host.started_ms != 0)
		backend->restarts++;
	backend->host.started_ms = now_ms;
	if (pid < 0) {
		count_life(backend, 0, false);
		plan_restart(backend, now_ms);
		return;
	}
	backend->host.pid = pid;
	backend->state = BACKEND_STARTING;
	backend->restart_wanted = false;
	backend->host.killed = false;
	backend->withheld = backend->quick_crashes >= 2;
	if (backend->withheld)
		log_warn("agent: kept PINs and tickets are withheld from a token host that keeps "
			 "crashing backend=%s",
			backend->settings->name);
	log_debug("agent: a token host was started backend=%s pid=%d", backend->settings->name,
		(int)pid);
	briefing_give(front, index);
}

/* A host that has lived long enough gets what its crashing predecessors lost the trust for. */
static void restore_trust(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];

	backend->withheld = false;
	backend->quick_crashes = 0;
	briefing_pins(front, index);
	briefing_tickets(front, index);
}

/* Beside its own watchdog, which stops with it. */
static void ping(struct front *front, size_t index, int64_t now_ms)
{
	const struct link_message message = { .type = LINK_PING };
	struct backend *backend = &front->backends[index];

	if (now_ms < backend->ping_ms)
		return;
	if (backend->pinged && now_ms - backend->ping_ms < SUPERVISE_LATE_MS) {
		kill_host(front, index, "it does not answer, as if it were stopped");
		return;
	}
	backend->pinged = true;
	backend->ping_ms = now_ms + backend->settings->call_ms;
	supervise_send(front, index, &message);
}

static void tick(struct front *front, size_t index, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];

	switch (backend->state) {
	case BACKEND_DOWN:
	case BACKEND_FAILED:
		if (now_ms >= backend->next_ms && !supervise_has_to_queue(front, index))
			start(front, index, now_ms);
		return;
	case BACKEND_ENDING:
		if (now_ms >= backend->next_ms) {
			backend->next_ms = INT64_MAX;
			process_kill(&backend->host);
		}
		return;
	case BACKEND_STARTING:
		if (now_ms - backend->host.started_ms >= SUPERVISE_START_MS)
			kill_host(front, index, "it does not list its tokens");
		break;
	case BACKEND_READY:
		if (backend->withheld &&
			now_ms - backend->host.started_ms >= SUPERVISE_LONG_LIFE_MS)
			restore_trust(front, index);
		else
			ping(front, index, now_ms);
		break;
	}
	if (outbox_is_stuck(&backend->host.outbox, now_ms))
		kill_host(front, index, "it has not read its link for a long time");
}

void supervise_tick(struct front *front, int64_t now_ms)
{
	for (size_t i = 0; i < front->backend_count; i++) {
		tick(front, i, now_ms);
		takeover_tick(front, i, now_ms);
	}
}

static int64_t due_ms(const struct front *front, size_t index)
{
	const struct backend *backend = &front->backends[index];
	int64_t due = INT64_MAX;

	switch (backend->state) {
	case BACKEND_DOWN:
	case BACKEND_FAILED:
		return supervise_has_to_queue(front, index) ? INT64_MAX : backend->next_ms;
	case BACKEND_ENDING: return backend->next_ms;
	case BACKEND_STARTING: due = backend->host.started_ms + SUPERVISE_START_MS; break;
	case BACKEND_READY:
		due = backend->ping_ms;
		if (backend->withheld && backend->host.started_ms + SUPERVISE_LONG_LIFE_MS < due)
			due = backend->host.started_ms + SUPERVISE_LONG_LIFE_MS;
		break;
	}
	if (backend->host.outbox.count > 0 &&
		backend->host.outbox.progress_ms + OUTBOX_STUCK_MS < due)
		due = backend->host.outbox.progress_ms + OUTBOX_STUCK_MS;
	return due;
}

int64_t supervise_due_ms(const struct front *front)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < front->backend_count; i++) {
		int64_t host_ms = due_ms(front, i);
		int64_t second_ms = takeover_due_ms(front, i);

		due = host_ms < due ? host_ms : due;
		due = second_ms < due ? second_ms : due;
	}
	return due;
}

void supervise_hear_pong(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];

	backend->pinged = false;
	backend->ping_ms = wire_now_ms() + backend->settings->call_ms;
}

void supervise_ready(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];

	backend->rescanning = false;
	if (backend->state != BACKEND_STARTING)
		return;
	backend->state = BACKEND_READY;
	supervise_hear_pong(front, index);
	log_info("agent: a token host is ready backend=%s pid=%d tokens=%zu",
		backend->settings->name, (int)backend->host.pid, front->slots.lists[index].count);
}

/* Since when callers wait for this backend, -1 when they need not. */
static int64_t unsettled_ms(const struct backend *backend)
{
	if (backend->state == BACKEND_FAILED)
		return -1;
	if (backend->state != BACKEND_READY)
		return backend->away_ms;
	return backend->restart_wanted ? backend->wanted_ms : -1;
}

bool supervise_is_settling(const struct front *front, int64_t now_ms)
{
	for (size_t i = 0; i < front->backend_count; i++) {
		int64_t since_ms = unsettled_ms(&front->backends[i]);

		if (since_ms >= 0 && now_ms - since_ms < SUPERVISE_SETTLE_MS)
			return true;
	}
	return false;
}

bool supervise_is_complete(const struct front *front)
{
	for (size_t i = 0; i < front->backend_count; i++)
		if (front->backends[i].state != BACKEND_READY &&
			front->backends[i].state != BACKEND_FAILED)
			return false;
	return true;
}

int64_t supervise_settled_ms(const struct front *front, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < front->backend_count; i++) {
		int64_t since_ms = unsettled_ms(&front->backends[i]);
		int64_t settled_ms = since_ms + SUPERVISE_SETTLE_MS;

		if (since_ms >= 0 && settled_ms > now_ms && settled_ms < due)
			due = settled_ms;
	}
	return due;
}

static bool any_process(const struct front *front)
{
	for (size_t i = 0; i < front->backend_count; i++)
		if (front->backends[i].host.pid > 0 || front->backends[i].second.pid > 0)
			return true;
	return false;
}

static void reap_or_kill(struct process *process, bool late)
{
	if (process->pid <= 0)
		return;
	if (waitpid(process->pid, NULL, WNOHANG) != 0)
		process->pid = 0;
	else if (late)
		process_kill(process);
}

void supervise_stop(struct front *front)
{
	int64_t deadline_ms = wire_now_ms() + SUPERVISE_STOP_MS;
	sigset_t ended;

	(void)sigemptyset(&ended);
	(void)sigaddset(&ended, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &ended, NULL);
	for (size_t i = 0; i < front->backend_count; i++) {
		takeover_end_second(front, i, NULL);
		supervise_end(front, i, NULL);
	}
	while (any_process(front)) {
		int64_t left_ms = deadline_ms - wire_now_ms();
		struct timespec wait = { left_ms / 1000, left_ms % 1000 * 1000000 };

		for (size_t i = 0; i < front->backend_count; i++) {
			reap_or_kill(&front->backends[i].second, left_ms <= 0);
			reap_or_kill(&front->backends[i].host, left_ms <= 0);
		}
		if (!any_process(front))
			return;
		if (left_ms <= 0)
			wait = (struct timespec){ 1, 0 };
		(void)sigtimedwait(&ended, NULL, &wait);
	}
}
