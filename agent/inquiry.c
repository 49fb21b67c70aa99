/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on the control connection: which slots exist, how the agent does. */
#include "inquiry.h"

#include "cleanup.h"
#include "log.h"
#include "presence.h"
#include "report.h"
#include "right.h"
#include "supervise.h"

struct inquiry {
	struct front *front;
	struct caller *caller;
	const Call *call;
	struct arena *arena;
};

static bool is_visible(const struct inquiry *inquiry, size_t backend, const char *serial)
{
	const struct token_name token = front_token_name(inquiry->front, backend, serial);

	return (rights_of(inquiry->front->settings, &inquiry->caller->peer, &token).allow &
		       IOTHSM_RIGHT_USE) != 0;
}

static size_t list_backend(const struct inquiry *inquiry, size_t index, CK_SLOT_ID *ids)
{
	struct front *front = inquiry->front;
	const struct slot_list *list = &front->slots.lists[index];
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct slot *slot = &list->items[i];

		if (!slot->listed || !is_visible(inquiry, index, slot->serial) ||
			(inquiry->call->number != 0 && !presence_of_slot(front, index, slot)))
			continue;
		ids[count++] = front_slot_id(front, inquiry->caller, slot);
	}
	return count;
}

static CK_RV answer_slot_list(const struct inquiry *inquiry, Reply *reply)
{
	struct front *front = inquiry->front;
	size_t room = 1;
	size_t count = 0;

	for (size_t i = 0; i < front->slots.count; i++)
		room += front->slots.lists[i].count;
	CK_SLOT_ID *ids = arena_take(inquiry->arena, room * sizeof(*ids));

	if (!ids)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < front->slots.count; i++)
		count += list_backend(inquiry, i, ids + count);
	reply->data = bytes_of(ids, count * sizeof(*ids));
	return CKR_OK;
}

static CK_RV answer_slot_info(const struct inquiry *inquiry, Reply *reply)
{
	struct front *front = inquiry->front;
	const char *serial = NULL;
	size_t index = 0;
	const struct slot *slot =
		front_resolve_slot(front, inquiry->caller, inquiry->call->handle, &index, &serial);

	/* A token initialised a moment ago may not be listed yet: its former slot is. */
	if (!slot && serial)
		slot = slot_find_serial(&front->slots, index, "");
	if (!slot || !is_visible(inquiry, index, serial))
		return CKR_SLOT_ID_INVALID;
	CK_SLOT_INFO *info = arena_copy(inquiry->arena, &slot->info, sizeof(*info));

	if (!info)
		return CKR_HOST_MEMORY;
	if (!presence_of_slot(front, index, slot))
		info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
	reply->data = bytes_of(info, sizeof(*info));
	return CKR_OK;
}

/* A connection that waits is not the client's own, which is named for the sake of its slot ids. */
static const struct caller *client_of(const struct inquiry *inquiry)
{
	struct bytes id = inquiry->call->data;
	const struct caller *client = NULL;

	if (id.len == WIRE_CLIENT_ID_LEN)
		client = front_find_client(inquiry->front, id.data);
	return client && client->peer.uid == inquiry->caller->peer.uid ? client : inquiry->caller;
}

static CK_RV answer_slot_event(const struct inquiry *inquiry, Reply *reply)
{
	struct front *front = inquiry->front;
	const struct slot *slot =
		presence_next(front, &inquiry->caller->peer, inquiry->call->object);

	if (!slot)
		return CKR_NO_EVENT;
	reply->number = front_slot_id(front, client_of(inquiry), slot);
	reply->number2 = slot->changed;
	return CKR_OK;
}

static CK_RV answer_status(const struct inquiry *inquiry, Reply *reply)
{
	CLEANUP(free) char *text = report_status(inquiry->front, inquiry->caller);
	size_t len = text ? strlen(text) : 0;
	void *copy = text ? arena_copy(inquiry->arena, text, len) : NULL;

	if (!copy)
		return CKR_HOST_MEMORY;
	reply->data = bytes_of(copy, len);
	return CKR_OK;
}

static void begin_rescan(struct front *front)
{
	const struct link_message message = { .type = LINK_RESCAN };

	for (size_t i = 0; i < front->backend_count; i++) {
		front->backends[i].rescanning = front->backends[i].state == BACKEND_READY;
		if (front->backends[i].rescanning)
			supervise_send(front, i, &message);
	}
}

static bool is_rescanning(const struct front *front, int64_t now_ms)
{
	for (size_t i = 0; i < front->backend_count; i++)
		if ((front->backends[i].rescanning || front->backends[i].restart_wanted) &&
			front->backends[i].state != BACKEND_FAILED)
			return true;
	return supervise_is_settling(front, now_ms);
}

static CK_RV answer_rescan(const struct inquiry *inquiry, Reply *reply)
{
	(void)inquiry;
	(void)reply;
	return CKR_OK;
}

static const struct rule {
	Function function;
	CK_FLAGS right; /* on the agent as a whole */
	void (*begin)(struct front *front);
	bool (*waits)(const struct front *front, int64_t now_ms);
	CK_RV (*answer)(const struct inquiry *inquiry, Reply *reply);
} rules[] = {
	{ Function_C_GetSlotList, 0, NULL, supervise_is_settling, answer_slot_list },
	{ Function_C_GetSlotInfo, 0, NULL, supervise_is_settling, answer_slot_info },
	{ Function_C_WaitForSlotEvent, 0, NULL, NULL, answer_slot_event },
	{ Function_ADMIN_STATUS, IOTHSM_RIGHT_ADMIN, NULL, NULL, answer_status },
	{ Function_ADMIN_RESCAN, IOTHSM_RIGHT_ADMIN, begin_rescan, is_rescanning, answer_rescan },
};

static const struct rule *find_rule(Function function)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].function == function)
			return &rules[i];
	return NULL;
}

/* True when the call has to wait for token hosts. */
static bool hold(const struct inquiry *inquiry, const struct rule *rule, int64_t now_ms)
{
	struct caller *caller = inquiry->caller;

	if (!caller->held) {
		caller->deadline_ms = now_ms + INQUIRY_HOLD_MS;
		if (rule->begin)
			rule->begin(inquiry->front);
	}
	caller->held =
		rule->waits && rule->waits(inquiry->front, now_ms) && now_ms < caller->deadline_ms;
	return caller->held;
}

/* False: no answer yet. */
static bool answer(const struct inquiry *inquiry, Reply *reply, int64_t now_ms)
{
	const struct rule *rule = find_rule(inquiry->call->function);

	if (!rule) {
		reply->rv = CKR_FUNCTION_NOT_SUPPORTED;
		return true;
	}
	struct rights rights = rights_of(inquiry->front->settings, &inquiry->caller->peer, NULL);

	if ((rights.allow & rule->right) != rule->right) {
		front_log_refusal(inquiry->front, &inquiry->caller->peer, "any",
			Function_name(rule->function), right_name_of(rule->right));
		reply->rv = CKR_FUNCTION_REJECTED;
		return true;
	}
	if (hold(inquiry, rule, now_ms))
		return false;
	reply->rv = rule->answer(inquiry, reply);
	if (reply->rv == CKR_NO_EVENT && !(inquiry->call->number & CKF_DONT_BLOCK)) {
		inquiry->caller->held = true;
		inquiry->caller->deadline_ms = INT64_MAX;
		return false;
	}
	return true;
}

void inquiry_answer(struct front *front, struct caller *caller, int64_t now_ms)
{
	struct arena arena;
	Call call;
	Reply reply = { .rv = CKR_OK };
	const struct inquiry inquiry = { front, caller, &call, &arena };

	arena_init(&arena, 4 * 1024 * 1024);
	if (!wire_decode_call(caller_frame(caller), &arena, &call)) {
		caller->finished = true;
	} else if (answer(&inquiry, &reply, now_ms)) {
		caller->finished = !caller_reply(caller, &reply);
		caller_next(caller);
	}
	arena_reset(&arena);
}
