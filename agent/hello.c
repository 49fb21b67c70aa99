/* SPDX-License-Identifier: Apache-2.0 */
/* The first frame of a connection: a new client, or a connection to be handed to a token host. */
#include "hello.h"

#include <errno.h>
#include <sys/random.h>

#include "log.h"
#include "supervise.h"

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
	caller->finished = !caller_reply(caller, &reply);
	caller_next(caller);
}

static bool hand_over(struct front *front, const struct caller *caller, size_t index,
	const char *serial, CK_FLAGS rights)
{
	struct backend *backend = &front->backends[index];
	struct link_message message = { .type = LINK_CLIENT,
		.uid = caller->peer.uid,
		.gid = caller->peer.gid,
		.pid = caller->peer.pid,
		.rights = rights,
		.slot = caller->slot };

	memcpy(message.client, caller->client, sizeof(message.client));
	memcpy(message.serial, serial, strlen(serial) + 1);
	/* Behind what is queued, and never queued itself: a waiting caller is counted and bounded.
	 */
	if (backend->outbox.count > 0)
		return false;
	if (link_send(backend->link, &message, caller->fd))
		return true;
	backend->blocked = errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS;
	if (!backend->blocked)
		supervise_end(front, index, "its link is broken");
	return false;
}

/* CKR_OK without *handed: not now, but perhaps later. */
static CK_RV find_host(struct front *front, const struct caller *caller, bool *handed)
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
	CK_FLAGS rights = front_rights(front, &caller->peer, serial);

	if (!(rights & IOTHSM_RIGHT_USE))
		return CKR_SLOT_ID_INVALID;
	if (front->backends[index].state == BACKEND_FAILED)
		return CKR_TOKEN_NOT_PRESENT;
	if (front->backends[index].state != BACKEND_READY || front->backends[index].restart_wanted)
		return CKR_OK;
	if (slot && !(slot->info.flags & CKF_TOKEN_PRESENT))
		return CKR_TOKEN_NOT_PRESENT;
	*handed = hand_over(front, caller, index, serial, rights);
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

static void judge(struct front *front, struct caller *caller, const Call *call, int64_t now_ms)
{
	if (call->number != WIRE_VERSION || !bytes_equal(call->data2, wire_abi())) {
		log_warn("agent: a module of another version or machine type is refused, install "
			 "module and agent of one release uid=%u pid=%d",
			(unsigned)caller->peer.uid, (int)caller->peer.pid);
		refuse(caller, CKR_DEVICE_ERROR);
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
