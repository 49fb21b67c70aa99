/* SPDX-License-Identifier: Apache-2.0 */
/* Token hosts as processes: started, restarted with back-off, given back what they knew. */
#include "supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "briefing.h"
#include "launch.h"
#include "log.h"
#include "uplink.h"

CK_RV supervise_init(struct front *front)
{
	if (getrandom(front->handle_key, sizeof(front->handle_key), 0) !=
		(ssize_t)sizeof(front->handle_key)) {
		log_error("agent: no random numbers from the kernel: %s", strerror(errno));
		return CKR_GENERAL_ERROR;
	}
	for (size_t i = 0; i < front->settings->backend_count; i++) {
		struct backend *backend = &front->backends[i];
		char path[PATH_MAX];

		backend->settings = &front->settings->backends[i];
		backend->link = -1;
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

	if (backend->link < 0)
		return;
	if (reason)
		log_warn("agent: a token host is ended backend=%s pid=%d reason=\"%s\"",
			backend->settings->name, (int)backend->pid, reason);
	(void)close(backend->link);
	backend->link = -1;
	outbox_reset(&backend->outbox);
	slot_list_abandon(&front->slots, index);
	if (backend->state != BACKEND_STARTING)
		backend->away_ms = wire_now_ms();
	backend->state = BACKEND_ENDING;
	backend->blocked = false;
	backend->next_ms = wire_now_ms() + SUPERVISE_STOP_MS;
}

/* Never 0 or less: that would be everybody. */
static void kill_process(struct backend *backend)
{
	if (backend->pid <= 0)
		return;
	backend->killed = true;
	(void)kill(backend->pid, SIGKILL);
}

/* One that misbehaved does not get the time to end in order. */
static void kill_host(struct front *front, size_t index, const char *reason)
{
	struct backend *backend = &front->backends[index];

	supervise_end(front, index, reason);
	kill_process(backend);
}

void supervise_send(struct front *front, size_t index, const struct link_message *message)
{
	struct backend *backend = &front->backends[index];

	if (backend->link >= 0 && !outbox_send(&backend->outbox, backend->link, message))
		kill_host(front, index, "it does not read its link");
}

void supervise_send_all(struct front *front, const struct link_message *message)
{
	for (size_t i = 0; i < front->backend_count; i++)
		supervise_send(front, i, message);
}

void supervise_flush(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];

	backend->blocked = false;
	if (backend->link >= 0 && !outbox_flush(&backend->outbox, backend->link))
		kill_host(front, index, "its link is broken");
}

/* The wait before the next start after so many short lives in a row. */
static int64_t backoff_ms(unsigned short_lives)
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
	backend->next_ms = now_ms + backoff_ms(backend->short_lives);
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
		return WTERMSIG(status) != SIGKILL || backend->killed;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void host_has_ended(struct front *front, size_t index, int status, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];
	int64_t life_ms = now_ms - backend->started_ms;

	if (backend->link >= 0)
		uplink_drain(front, index);
	supervise_end(front, index, NULL);
	bool at_once = backend->restart_wanted && life_ms >= 1000;

	log_write(backend->restart_wanted ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		"agent: a token host ended backend=%s pid=%d %s=%d after_ms=%lld",
		backend->settings->name, (int)backend->pid,
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)life_ms);
	backend->pid = 0;
	if (!at_once)
		count_life(backend, life_ms, is_crash(backend, status));
	plan_restart(backend, now_ms);
	if (at_once) {
		backend->state = BACKEND_DOWN;
		backend->next_ms = now_ms;
	}
}

void supervise_reap(struct front *front, int64_t now_ms)
{
	for (size_t i = 0; i < front->backend_count; i++) {
		int status;
		pid_t pid = front->backends[i].pid;

		if (pid > 0 && waitpid(pid, &status, WNOHANG) == pid)
			host_has_ended(front, i, status, now_ms);
	}
}

/* Libraries like SoftHSM2 fail when two processes start on one directory at once. */
static bool has_to_queue(const struct front *front, size_t index)
{
	const struct settings_backend *settings = front->backends[index].settings;

	for (size_t i = 0; *settings->module && i < front->backend_count; i++) {
		const struct backend *other = &front->backends[i];

		if (i != index && other->state == BACKEND_STARTING &&
			strcmp(other->settings->module, settings->module) == 0)
			return true;
	}
	return false;
}

static void start(struct front *front, size_t index, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];
	pid_t pid = launch_host(backend->settings, front->libexec, &backend->link);

	if (backend->started_ms != 0)
		backend->restarts++;
	backend->started_ms = now_ms;
	if (pid < 0) {
		count_life(backend, 0, false);
		plan_restart(backend, now_ms);
		return;
	}
	backend->pid = pid;
	backend->state = BACKEND_STARTING;
	backend->restart_wanted = false;
	backend->killed = false;
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

static void tick(struct front *front, size_t index, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];

	switch (backend->state) {
	case BACKEND_DOWN:
	case BACKEND_FAILED:
		if (now_ms >= backend->next_ms && !has_to_queue(front, index))
			start(front, index, now_ms);
		return;
	case BACKEND_ENDING:
		if (now_ms >= backend->next_ms) {
			backend->next_ms = INT64_MAX;
			kill_process(backend);
		}
		return;
	case BACKEND_STARTING:
		if (now_ms - backend->started_ms >= SUPERVISE_START_MS)
			kill_host(front, index, "it does not list its tokens");
		break;
	case BACKEND_READY:
		if (backend->withheld && now_ms - backend->started_ms >= SUPERVISE_LONG_LIFE_MS)
			restore_trust(front, index);
		if (backend->restart_wanted && now_ms >= backend->next_ms)
			supervise_end(front, index, NULL);
		break;
	}
	if (outbox_is_stuck(&backend->outbox, now_ms))
		kill_host(front, index, "it has not read its link for a long time");
}

void supervise_tick(struct front *front, int64_t now_ms)
{
	for (size_t i = 0; i < front->backend_count; i++)
		tick(front, i, now_ms);
}

static int64_t due_ms(const struct front *front, size_t index)
{
	const struct backend *backend = &front->backends[index];
	int64_t due = INT64_MAX;

	switch (backend->state) {
	case BACKEND_DOWN:
	case BACKEND_FAILED: return has_to_queue(front, index) ? INT64_MAX : backend->next_ms;
	case BACKEND_ENDING: return backend->next_ms;
	case BACKEND_STARTING: due = backend->started_ms + SUPERVISE_START_MS; break;
	case BACKEND_READY:
		if (backend->withheld)
			due = backend->started_ms + SUPERVISE_LONG_LIFE_MS;
		if (backend->restart_wanted && backend->next_ms < due)
			due = backend->next_ms;
		break;
	}
	if (backend->outbox.count > 0 && backend->outbox.progress_ms + OUTBOX_STUCK_MS < due)
		due = backend->outbox.progress_ms + OUTBOX_STUCK_MS;
	return due;
}

int64_t supervise_due_ms(const struct front *front)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < front->backend_count; i++)
		if (due_ms(front, i) < due)
			due = due_ms(front, i);
	return due;
}

void supervise_ready(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];

	backend->rescanning = false;
	if (backend->state != BACKEND_STARTING)
		return;
	backend->state = BACKEND_READY;
	log_info("agent: a token host is ready backend=%s pid=%d tokens=%zu",
		backend->settings->name, (int)backend->pid, front->slots.lists[index].count);
}

bool supervise_is_settling(const struct front *front, int64_t now_ms)
{
	for (size_t i = 0; i < front->backend_count; i++) {
		const struct backend *backend = &front->backends[i];

		if (backend->state != BACKEND_READY && backend->state != BACKEND_FAILED &&
			now_ms - backend->away_ms < SUPERVISE_SETTLE_MS)
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
		const struct backend *backend = &front->backends[i];
		int64_t settled_ms = backend->away_ms + SUPERVISE_SETTLE_MS;

		if (backend->state != BACKEND_READY && settled_ms > now_ms && settled_ms < due)
			due = settled_ms;
	}
	return due;
}

static bool any_process(const struct front *front)
{
	for (size_t i = 0; i < front->backend_count; i++)
		if (front->backends[i].pid > 0)
			return true;
	return false;
}

static void reap_or_kill(struct backend *backend, bool late)
{
	if (backend->pid <= 0)
		return;
	if (waitpid(backend->pid, NULL, WNOHANG) != 0)
		backend->pid = 0;
	else if (late)
		kill_process(backend);
}

void supervise_stop(struct front *front)
{
	int64_t deadline_ms = wire_now_ms() + SUPERVISE_STOP_MS;
	sigset_t ended;

	(void)sigemptyset(&ended);
	(void)sigaddset(&ended, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &ended, NULL);
	for (size_t i = 0; i < front->backend_count; i++)
		supervise_end(front, i, NULL);
	while (any_process(front)) {
		int64_t left_ms = deadline_ms - wire_now_ms();
		struct timespec wait = { left_ms / 1000, left_ms % 1000 * 1000000 };

		for (size_t i = 0; i < front->backend_count; i++)
			reap_or_kill(&front->backends[i], left_ms <= 0);
		if (!any_process(front))
			return;
		if (left_ms <= 0)
			wait = (struct timespec){ 1, 0 };
		(void)sigtimedwait(&ended, NULL, &wait);
	}
}
