/* SPDX-License-Identifier: Apache-2.0 */
/* A second token host that takes over from the first one while programs go on. */
#include "takeover.h"

#include <sys/wait.h>

#include "briefing.h"
#include "launch.h"
#include "log.h"
#include "supervise.h"
#include "uplink.h"

void takeover_want(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];

	if (!backend->restart_wanted) {
		backend->wanted_ms = wire_now_ms();
		backend->retry_ms = 0;
		backend->second_failures = 0;
	}
	backend->restart_wanted = true;
}

static void count_failure(struct backend *backend)
{
	backend->second_failures++;
	backend->retry_ms = wire_now_ms() + supervise_backoff_ms(backend->second_failures + 1);
	if (backend->second_failures < TAKEOVER_FAILURES_MAX)
		return;
	backend->restart_wanted = false;
	backend->rescanning = false;
	log_error("agent: no second token host comes up, the first one goes on without what others "
		  "changed; see the messages above, then run 'iothsm token rescan' backend=%s",
		backend->settings->name);
}

static void begin(struct front *front, size_t index, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];
	const struct link_message start = { .type = LINK_START };

	backend->second = (struct process){ .link = -1, .started_ms = now_ms };
	pid_t pid = launch_host(backend->settings, front->libexec, &backend->second.link);

	if (pid < 0) {
		count_failure(backend);
		return;
	}
	backend->second.pid = pid;
	backend->role = SECOND_STARTING;
	log_debug("agent: a second token host was started backend=%s pid=%d",
		backend->settings->name, (int)pid);
	/* Secrets follow when it takes over: until then the first host still changes them. */
	if (!briefing_begin(front, index, &backend->second) ||
		!process_send(&backend->second, &start))
		takeover_end_second(front, index, "it does not read its link");
}

void takeover_end_second(struct front *front, size_t index, const char *reason)
{
	struct backend *backend = &front->backends[index];
	bool was_starting = backend->role == SECOND_STARTING;

	if (backend->role == SECOND_NONE || backend->role == SECOND_ENDING)
		return;
	if (reason)
		log_warn("agent: a second token host is ended backend=%s pid=%d reason=\"%s\"",
			backend->settings->name, (int)backend->second.pid, reason);
	process_close(&backend->second);
	if (reason)
		process_kill(&backend->second);
	backend->role = SECOND_ENDING;
	backend->parting = false;
	backend->stay_count = 0;
	backend->second_due_ms = wire_now_ms() + SUPERVISE_STOP_MS;
	if (!was_starting)
		return;
	slot_list_abandon(&front->slots, index);
	briefing_pins(front, index);
}

void takeover_repeat(struct front *front, size_t index)
{
	if (front->backends[index].role == SECOND_STARTING)
		takeover_end_second(front, index, NULL);
}

static void hand_on_secrets(struct front *front, size_t index)
{
	struct slot_list *list = &front->slots.lists[index];

	for (size_t i = 0; i < list->count; i++)
		list->items[i].pins_sent = false;
	briefing_pins(front, index);
	if (!front->backends[index].withheld)
		briefing_tickets(front, index);
	briefing_guards(front, index);
}

/* What is queued for the old host is still sent, and this after it. */
static void let_leave(struct front *front, size_t index, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];
	const struct link_message leave = { .type = LINK_LEAVE };

	backend->stay_count = 0;
	backend->parting = backend->second.link >= 0;
	backend->role = backend->parting ? SECOND_LEAVING : SECOND_ENDING;
	backend->parting_ms = now_ms + TAKEOVER_PARTING_MS;
	backend->second_due_ms =
		now_ms + (backend->parting ? TAKEOVER_LEAVE_MS : SUPERVISE_STOP_MS);
	if (!process_send(&backend->second, &leave))
		takeover_end_second(front, index, "it does not read its link");
}

void takeover_complete(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];
	struct process former = backend->host;

	slot_list_complete(&front->slots, index);
	backend->host = backend->second;
	backend->second = former;
	backend->state = BACKEND_READY;
	backend->restart_wanted = false;
	backend->rescanning = false;
	backend->restarts++;
	supervise_hear_pong(front, index);
	hand_on_secrets(front, index);
	let_leave(front, index, wire_now_ms());
	log_info("agent: a second token host took over backend=%s pid=%d from=%d tokens=%zu",
		backend->settings->name, (int)backend->host.pid, (int)former.pid,
		front->slots.lists[index].count);
}

bool takeover_promote(struct front *front, size_t index)
{
	struct backend *backend = &front->backends[index];

	if (backend->role != SECOND_STARTING)
		return false;
	backend->host = backend->second;
	backend->second = (struct process){ .link = -1 };
	backend->role = SECOND_NONE;
	backend->state = BACKEND_STARTING;
	backend->restart_wanted = false;
	if (!backend->withheld)
		briefing_tickets(front, index);
	briefing_guards(front, index);
	return true;
}

void takeover_reaped(struct front *front, size_t index, int status)
{
	struct backend *backend = &front->backends[index];
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (backend->second.link >= 0)
		uplink_drain(front, index);
	/* It may have taken over with its last words; then it is the first one that has ended. */
	if (backend->role == SECOND_STARTING && backend->restart_wanted)
		count_failure(backend);
	takeover_end_second(front, index, NULL);
	log_write(clean || backend->second.killed ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		"agent: the second token host ended backend=%s pid=%d %s=%d",
		backend->settings->name, (int)backend->second.pid,
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	backend->second = (struct process){ .link = -1 };
	backend->role = SECOND_NONE;
}

static bool may_begin(const struct front *front, size_t index)
{
	const struct backend *backend = &front->backends[index];

	return backend->role == SECOND_NONE && backend->state == BACKEND_READY &&
	       backend->restart_wanted && !supervise_has_to_queue(front, index);
}

static int64_t begin_ms(const struct backend *backend)
{
	int64_t rested_ms = backend->host.started_ms + TAKEOVER_PAUSE_MS;

	return backend->retry_ms > rested_ms ? backend->retry_ms : rested_ms;
}

void takeover_tick(struct front *front, size_t index, int64_t now_ms)
{
	struct backend *backend = &front->backends[index];

	switch (backend->role) {
	case SECOND_NONE:
		if (may_begin(front, index) && now_ms >= begin_ms(backend))
			begin(front, index, now_ms);
		return;
	case SECOND_STARTING:
		if (now_ms - backend->second.started_ms >= SUPERVISE_START_MS) {
			count_failure(backend);
			takeover_end_second(front, index, "it does not list its tokens");
		}
		return;
	case SECOND_LEAVING:
		if (backend->parting && now_ms >= backend->parting_ms)
			backend->parting = false;
		if (now_ms >= backend->second_due_ms)
			takeover_end_second(front, index, NULL);
		return;
	case SECOND_ENDING:
		if (now_ms >= backend->second_due_ms) {
			backend->second_due_ms = INT64_MAX;
			process_kill(&backend->second);
		}
		return;
	}
}

int64_t takeover_due_ms(const struct front *front, size_t index)
{
	const struct backend *backend = &front->backends[index];

	switch (backend->role) {
	case SECOND_NONE: return may_begin(front, index) ? begin_ms(backend) : INT64_MAX;
	case SECOND_STARTING: return backend->second.started_ms + SUPERVISE_START_MS;
	case SECOND_LEAVING: return backend->parting ? backend->parting_ms : backend->second_due_ms;
	case SECOND_ENDING: break;
	}
	return backend->second_due_ms;
}

static struct backend_stay *find_stay(
	struct backend *backend, const uint8_t client[WIRE_CLIENT_ID_LEN], const char *serial)
{
	for (size_t i = 0; i < backend->stay_count; i++) {
		struct backend_stay *stay = &backend->stays[i];

		if (memcmp(stay->client, client, WIRE_CLIENT_ID_LEN) == 0 &&
			strcmp(stay->serial, serial) == 0)
			return stay;
	}
	return NULL;
}

void takeover_stay(struct backend *backend, const struct link_message *message)
{
	/* One too many loses what it had begun, as after a restart. */
	if (find_stay(backend, message->client, message->serial) ||
		backend->stay_count == BACKEND_STAYS_MAX)
		return;
	struct backend_stay *stay = &backend->stays[backend->stay_count++];

	memcpy(stay->client, message->client, sizeof(stay->client));
	memcpy(stay->serial, message->serial, sizeof(stay->serial));
}

void takeover_moved(struct backend *backend, const struct link_message *message)
{
	struct backend_stay *stay = find_stay(backend, message->client, message->serial);

	if (stay)
		*stay = backend->stays[--backend->stay_count];
}

struct process *takeover_host_of(
	struct backend *backend, const uint8_t client[WIRE_CLIENT_ID_LEN], const char *serial)
{
	return backend->role == SECOND_LEAVING && find_stay(backend, client, serial)
		       ? &backend->second
		       : &backend->host;
}
