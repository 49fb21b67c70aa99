/* SPDX-License-Identifier: Apache-2.0 */
/* The first frame of a connection: a new client, or a connection to be handed to a token host. */
#include "hello.h"

#include <errno.h>
#include <sys/random.h>

#include "log.h"
#include "supervise.h"
#include "takeover.h"

static void refuse(struct caller *caller, CK_RV rv)
{
	const Reply reply = { .rv = rv };

	(void)caller_reply(caller, &reply);
	caller->finished = true;
}

static size_t count_clients(const struct front *front)
{
	size_t count = 0;

	for (size_t i = 0; i < front->caller_count; i++)
		count += front->callers[i]->state == CALLER_CONTROL;
	return count;
}

static void become_client(struct front *front, struct caller *caller)
{
	Reply reply = { .rv = CKR_OK };

	if (count_clients(front) >= FRONT_CLIENTS_MAX) {
		log_warn("agent: a client is refused, there are %d already uid=%u pid=%d",
			FRONT_CLIENTS_MAX, (unsigned)caller->peer.uid, (int)caller->peer.pid);
		refuse(caller, CKR_HOST_MEMORY);
		return;
	}
	if (getrandom(caller->client, sizeof(caller->client), 0) !=
		(ssize_t)sizeof(caller->client)) {
		log_error("agent: no random numbers from the kernel: %s", strerror(errno));
		refuse(caller, CKR_GENERAL_ERROR);
		return;
	}
	caller->state = CALLER_CONTROL;
	reply.data = bytes_of(caller->client, sizeof(caller->client));
	reply.number = front->events;
	reply.number2 = caller->version;
	caller->finished = !caller_reply(caller, &reply);
	caller_next(caller);
}

static bool hand_over(struct front *front, const struct caller *caller, size_t index,
	const char *serial, const struct rights *rights)
{
	struct backend *backend = &front->backends[index];
	struct process *host = takeover_host_of(backend, caller->client, serial);
	struct link_message message = { .type = LINK_CLIENT,
		.uid = caller->peer.uid,
		.gid = caller->peer.gid,
		.pid = caller->peer.pid,
		.rights = rights->allow,
		.mechanisms = *rights->mechanisms,
		.slot = caller->slot,
		.number = caller->version };

	memcpy(message.client, caller->client, sizeof(message.client));
	memcpy(message.serial, serial, strlen(serial) + 1);
	/* Behind what is queued, and never queued itself: a waiting caller is counted and bounded.
	 */
	if (host->outbox.count > 0)
		return false;
	if (link_send(host->link, &message, caller->fd))
		return true;
	host->blocked = errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS;
	if (host->blocked)
		return false;
	if (host == &backend->second)
		takeover_end_second(front, index, "its link is broken");
	else
		supervise_end(front, index, "its link is broken");
	return false;
}

/* An absent token may be back: its host looks once for each caller. True while it does. */
static bool look_for_token(struct front *front, struct caller *caller, size_t index)
{
	const struct link_message message = { .type = LINK_RESCAN };
	struct backend *backend = &front->backends[index];

	if (!caller->looked && !backend->rescanning) {
		backend->rescanning = true;
		supervise_send(front, index, &message);
	}
	caller->looked = true;
	return backend->rescanning;
}

/* CKR_OK without *handed: not now, but perhaps later. */
static CK_RV find_host(struct front *front, struct caller *caller, bool *handed)
{
	const struct caller *client = front_find_client(front, caller->client);
	const char *serial = NULL;
	size_t index = 0;

	if (!client || client->peer.uid != caller->peer.uid)
		return CKR_GENERAL_ERROR;
	const struct slot *slot = front_resolve_slot(front, client, caller->slot, &index, &serial);

	/* After a start of the agent the slots become known one backend after the other. */
	if (!serial)
		return supervise_is_complete(front) ? CKR_SLOT_ID_INVALID : CKR_OK;
	const struct token_name token = front_token_name(front, index, serial);
	struct rights rights = front_rights(front, &caller->peer, &token);

	if (!(rights.allow & IOTHSM_RIGHT_USE)) {
		front_log_refusal(front, &caller->peer, serial, "HELLO", "use");
		return CKR_SLOT_ID_INVALID;
	}
	if (front->backends[index].state == BACKEND_FAILED)
		return CKR_TOKEN_NOT_PRESENT;
	if (front->backends[index].state != BACKEND_READY || front->backends[index].parting)
		return CKR_OK;
	if (slot && !(slot->info.flags & CKF_TOKEN_PRESENT))
		return look_for_token(front, caller, index) ? CKR_OK : CKR_TOKEN_NOT_PRESENT;
	*handed = hand_over(front, caller, index, serial, &rights);
	return CKR_OK;
}

void hello_retry(struct front *front, struct caller *caller, int64_t now_ms)
{
	bool handed = false;
	CK_RV rv = find_host(front, caller, &handed);

	if (handed)
		caller->finished = true;
	else if (rv != CKR_OK)
		refuse(caller, rv);
	else if (now_ms >= caller->deadline_ms)
		refuse(caller, CKR_TOKEN_NOT_PRESENT);
}

static void become_waiting(
	struct front *front, struct caller *caller, const Call *call, int64_t now_ms)
{
	memcpy(caller->client, call->data.data, sizeof(caller->client));
	caller->slot = call->handle;
	caller->state = CALLER_WAITING;
	caller->deadline_ms = now_ms + HELLO_WAIT_MS;
	hello_retry(front, caller, now_ms);
}

/* The newest wire version that both sides speak, 0 for none. */
static uint32_t common_version(const Call *call)
{
	uint64_t oldest = call->object ? call->object : call->number;
	uint64_t newest = call->number < WIRE_VERSION ? call->number : WIRE_VERSION;

	return newest >= oldest && newest >= WIRE_VERSION_OLDEST ? (uint32_t)newest : 0;
}

static void refuse_stranger(
	struct front *front, struct caller *caller, const Call *call, int64_t now_ms)
{
	const Reply reply = {
		.rv = CKR_DEVICE_ERROR, .number = WIRE_VERSION, .number2 = WIRE_VERSION_OLDEST
	};
	unsigned long kept_back = 0;

	if (throttle_admit(&front->refusals, caller->peer.uid, now_ms, &kept_back))
		log_warn(
			"agent: a module of another version or machine type is refused, install "
			"module and agent of one release uid=%u pid=%d version=%llu, ours=%d to %d "
			"kept_back=%lu",
			(unsigned)caller->peer.uid, (int)caller->peer.pid,
			(unsigned long long)call->number, WIRE_VERSION_OLDEST, WIRE_VERSION,
			kept_back);
	(void)caller_reply(caller, &reply);
	caller->finished = true;
}

static void judge(struct front *front, struct caller *caller, const Call *call, int64_t now_ms)
{
	caller->version = common_version(call);
	if (caller->version == 0 || !bytes_equal(call->data2, wire_abi())) {
		refuse_stranger(front, caller, call, now_ms);
	} else if (call->data.len == 0) {
		become_client(front, caller);
	} else if (call->data.len == WIRE_CLIENT_ID_LEN) {
		become_waiting(front, caller, call, now_ms);
	} else {
		refuse(caller, CKR_GENERAL_ERROR);
	}
}

void hello_judge(struct front *front, struct caller *caller, int64_t now_ms)
{
	struct arena arena;
	Call call;

	arena_init(&arena, 4 * (size_t)CALLER_FRAME_MAX);
	if (wire_decode_call(caller_frame(caller), &arena, &call) &&
		call.function == Function_HELLO)
		judge(front, caller, &call, now_ms);
	else
		caller->finished = true;
	arena_reset(&arena);
}
