/* SPDX-License-Identifier: Apache-2.0 */
/* How a call travels, and the shapes that most PKCS#11 functions have. */
#include "invoke.h"

#include <poll.h>
#include <stdatomic.h>

#include "library.h"
#include "mechanism.h"
#include "operation.h"
#include "rule.h"

enum {
	CALL_MS = 60000,
	SLOW_CALL_MS = 600000,
	CONTROL_CALL_MS = 10000,
	PATIENCE_MS =
		10000, /* how long calls of existing sessions wait for an agent that restarts */
	NAP_FIRST_MS = 5,
	NAP_LAST_MS = 250,
	RESENDS_MAX = CONNECTIONS_MAX + 16 /* each may have ended while it was idle */
};

/* When the agent became unreachable, 0 while it answers: the patience is one for all calls. */
static atomic_int_least64_t unreachable_since_ms;

static int64_t patience_ends_ms(CK_SLOT_ID slot)
{
	int64_t now_ms = wire_now_ms();
	int_least64_t since_ms = 0;

	if (!session_exists(slot))
		return now_ms;
	if (atomic_compare_exchange_strong(&unreachable_since_ms, &since_ms, now_ms))
		since_ms = now_ms;
	return since_ms + PATIENCE_MS;
}

/* One attempt; CKR_DEVICE_ERROR may be tried again, at once when it only met an old connection. */
static CK_RV take_once(CK_SLOT_ID slot, struct connection **connection, bool *at_once)
{
	uint64_t restored = session_restored(slot);
	bool fresh;

	*at_once = false;
	TRY(connection_take(slot, connection, &fresh));
	CK_RV rv = session_restore(*connection, slot, fresh, restored);

	if (rv != CKR_OK) {
		connection_drop(*connection);
		*at_once = !fresh;
	}
	return rv;
}

static CK_RV take(CK_SLOT_ID slot, bool patient, struct connection **connection)
{
	int nap_ms = NAP_FIRST_MS;
	bool at_once;

	for (;;) {
		CK_RV rv = take_once(slot, connection, &at_once);

		if (rv == CKR_OK &&
			atomic_load_explicit(&unreachable_since_ms, memory_order_relaxed))
			atomic_store(&unreachable_since_ms, 0);
		if (rv != CKR_DEVICE_ERROR)
			return rv;
		TRY(library_check());
		if (at_once)
			continue;
		if (!patient || wire_now_ms() >= patience_ends_ms(slot))
			return CKR_DEVICE_ERROR;
		(void)poll(NULL, 0, nap_ms);
		nap_ms = nap_ms * 2 < NAP_LAST_MS ? nap_ms * 2 : NAP_LAST_MS;
	}
}

/* A call on its way: what it is, and the Init that waits to travel with it or before it. */
struct journey {
	Call call;
	struct rule rule;
	CK_SLOT_ID slot;
	enum operation_kind pending;
	struct operation init;
	int64_t timeout_ms;
};

/* The token is gone for good: its sessions learn so once, and then are no more (R12). */
static CK_RV token_is_gone(const struct journey *journey, CK_RV rv)
{
	if (rv != CKR_TOKEN_NOT_PRESENT && rv != CKR_SLOT_ID_INVALID && rv != CKR_DEVICE_REMOVED)
		return rv;
	session_remove_all(journey->slot);
	if (!(journey->rule.flags & (RULE_SLOT | RULE_ABSENT)))
		return CKR_DEVICE_REMOVED;
	return rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv;
}

static CK_RV token_is_absent(const struct journey *journey, CK_RV rv)
{
	if (rv == CKR_DEVICE_ERROR && (journey->rule.flags & RULE_ABSENT))
		return CKR_TOKEN_NOT_PRESENT;
	return token_is_gone(journey, rv);
}

static bool init_travels_along(const struct journey *journey)
{
	return journey->pending != OPERATION_NONE && (journey->rule.flags & RULE_ONCE) &&
	       journey->rule.kind == journey->pending;
}

static bool init_error_matters(const struct journey *journey)
{
	return (journey->rule.flags & RULE_PART) &&
	       (journey->rule.kind == OPERATION_NONE || journey->rule.kind == journey->pending);
}

/* Sends the Init that waited before a call of another kind. */
static enum connection_result send_pending(
	struct journey *journey, struct connection *connection, CK_RV *rv)
{
	enum operation_kind kind = journey->pending;
	Call init = { .function = operation_init_function(kind), .handle = journey->call.handle };
	Reply reply = { 0 };

	operation_describe(&journey->init, &init);
	enum connection_result result = connection_exchange(connection, &init, &reply, CALL_MS);

	if (result == CONNECTION_UNSENT)
		return result;
	*rv = result == CONNECTION_DONE ? (CK_RV)reply.rv : CKR_DEVICE_ERROR;
	if (*rv == CKR_OK)
		operation_begun(journey->call.handle, kind, &journey->init);
	if (!init_error_matters(journey))
		*rv = CKR_OK;
	journey->pending = OPERATION_NONE;
	return result;
}

static enum connection_result travel_once(
	struct journey *journey, struct exchange *exchange, CK_RV *rv)
{
	bool along = init_travels_along(journey);

	*rv = CKR_OK;
	if (journey->pending != OPERATION_NONE && !along) {
		enum connection_result result = send_pending(journey, exchange->connection, rv);

		if (result != CONNECTION_DONE || *rv != CKR_OK)
			return result == CONNECTION_LOST && *rv == CKR_OK ? CONNECTION_UNSENT
									  : result;
	}
	if (along)
		operation_describe(&journey->init, &journey->call);
	return connection_exchange(
		exchange->connection, &journey->call, &exchange->reply, journey->timeout_ms);
}

static bool may_resend(const struct journey *journey)
{
	return (journey->rule.flags & RULE_RESEND) ||
	       ((journey->rule.flags & RULE_PURE) && init_travels_along(journey));
}

/* CKR_OK when a reply came; *again when the call has to be sent once more. */
static CK_RV settle(struct journey *journey, enum connection_result result, CK_RV rv,
	struct exchange *exchange, bool *again)
{
	*again = false;
	if (result == CONNECTION_DONE && rv == CKR_OK)
		return CKR_OK;
	if (result == CONNECTION_DONE || result == CONNECTION_TOO_LARGE) {
		connection_release(exchange->connection);
		return rv != CKR_OK ? rv : CKR_DATA_LEN_RANGE;
	}
	connection_drop(exchange->connection);
	*again = result == CONNECTION_UNSENT || may_resend(journey);
	return rv != CKR_OK ? rv : CKR_DEVICE_ERROR;
}

static CK_RV travel(struct journey *journey, struct exchange *exchange)
{
	int64_t give_up_ms = wire_now_ms() + CALL_MS;
	CK_RV rv = CKR_DEVICE_ERROR;
	bool again = true;

	for (int i = 0; again && i < RESENDS_MAX && wire_now_ms() < give_up_ms; i++) {
		rv = take(
			journey->slot, !(journey->rule.flags & RULE_HASTY), &exchange->connection);
		if (rv != CKR_OK)
			return token_is_absent(journey, rv);
		if ((journey->rule.flags & RULE_PIN) &&
			!connection_is_trusted(exchange->connection)) {
			library_debug(
				"no PIN is sent: the agent's socket belongs to somebody else");
			connection_release(exchange->connection);
			return CKR_DEVICE_ERROR;
		}
		CK_RV init_rv;
		enum connection_result result = travel_once(journey, exchange, &init_rv);

		rv = settle(journey, result, init_rv, exchange, &again);
	}
	return rv;
}

static void note_answer(const struct journey *journey, CK_RV rv)
{
	unsigned int flags = journey->rule.flags;

	if (!(flags & (RULE_ONCE | RULE_FINAL)))
		return;
	/* An Init that travelled along and is still needed at the host has begun there. */
	operation_answered(journey->call.handle, journey->rule.kind, rv,
		(flags & RULE_OUTPUT) && !journey->call.has_room);
}

/* C_Finalize of another thread may have taken the session just now. */
static CK_RV known_session_slot(CK_SESSION_HANDLE session, CK_SLOT_ID *slot)
{
	CK_RV rv = session_slot(session, slot);

	if (rv != CKR_OK)
		TRY(library_check());
	return rv;
}

CK_RV invoke_begin(const Call *call, struct exchange *exchange)
{
	struct journey journey = { .call = *call, .rule = rule_of(call->function) };
	bool slow = false;

	TRY(library_check());
	if (journey.rule.flags & RULE_SLOT)
		journey.slot = (CK_SLOT_ID)call->handle;
	else
		TRY(known_session_slot((CK_SESSION_HANDLE)call->handle, &journey.slot));
	if (!(journey.rule.flags & RULE_SLOT) && call->function != Function_C_CloseSession)
		journey.pending =
			operation_take((CK_SESSION_HANDLE)call->handle, &journey.init, &slow);
	journey.timeout_ms = slow || (journey.rule.flags & RULE_SLOW) ? SLOW_CALL_MS : CALL_MS;
	CK_RV rv = travel(&journey, exchange);

	/* C_Finalize of another thread ended it. */
	if (rv == CKR_DEVICE_ERROR && library_check() != CKR_OK)
		rv = CKR_CRYPTOKI_NOT_INITIALIZED;
	if (rv == CKR_OK)
		exchange->reply.rv = token_is_gone(&journey, (CK_RV)exchange->reply.rv);
	note_answer(&journey, rv == CKR_OK ? (CK_RV)exchange->reply.rv : rv);
	explicit_bzero(&journey.init, sizeof(journey.init));
	if (journey.rule.flags & RULE_SLOT)
		return rv;
	if (rv == CKR_DEVICE_ERROR)
		session_failed((CK_SESSION_HANDLE)call->handle);
	else if (rv == CKR_OK)
		exchange->reply.rv =
			session_explain((CK_SESSION_HANDLE)call->handle, (CK_RV)exchange->reply.rv);
	return rv;
}

CK_RV invoke_control(const Call *call, struct exchange *exchange)
{
	enum connection_result result = CONNECTION_UNSENT;

	TRY(library_check());
	for (int i = 0; i < 2 && result == CONNECTION_UNSENT; i++) {
		TRY(connection_take_control(&exchange->connection));
		result = connection_exchange(
			exchange->connection, call, &exchange->reply, CONTROL_CALL_MS);
		if (result != CONNECTION_DONE)
			connection_drop(exchange->connection);
	}
	return result == CONNECTION_DONE ? CKR_OK : CKR_DEVICE_ERROR;
}

void invoke_end(struct exchange *exchange)
{
	connection_release(exchange->connection);
	exchange->reply = (Reply){ 0 };
}

CK_RV invoke_plain(const Call *call)
{
	struct exchange exchange;

	TRY(invoke_begin(call, &exchange));
	CK_RV rv = (CK_RV)exchange.reply.rv;

	invoke_end(&exchange);
	return rv;
}

CK_RV invoke_number(const Call *call, CK_ULONG *number)
{
	struct exchange exchange;

	TRY(library_check());
	if (!number)
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_begin(call, &exchange));
	CK_RV rv = (CK_RV)exchange.reply.rv;

	if (rv == CKR_OK)
		*number = (CK_ULONG)exchange.reply.number;
	invoke_end(&exchange);
	return rv;
}

static CK_RV copy_structure(const Reply *reply, void *structure, size_t size)
{
	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (reply->data.len != size)
		return CKR_DEVICE_ERROR;
	if (size > 0)
		memcpy(structure, reply->data.data, size);
	return CKR_OK;
}

CK_RV invoke_structure(const Call *call, void *structure, size_t size)
{
	struct exchange exchange;

	TRY(library_check());
	if (!structure)
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_begin(call, &exchange));
	CK_RV rv = copy_structure(&exchange.reply, structure, size);

	invoke_end(&exchange);
	return rv;
}

/* The host's return value and length as they are; more than the caller offered is a lie. */
static CK_RV copy_output(const Reply *reply, CK_BYTE *output, CK_ULONG *len)
{
	if (reply->rv == CKR_BUFFER_TOO_SMALL || (reply->rv == CKR_OK && !output)) {
		*len = (CK_ULONG)reply->number;
		return (CK_RV)reply->rv;
	}
	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (reply->data.len > *len)
		return CKR_DEVICE_ERROR;
	if (reply->data.len > 0)
		memcpy(output, reply->data.data, reply->data.len);
	*len = reply->data.len;
	return CKR_OK;
}

CK_RV invoke_output(Call call, CK_BYTE *output, CK_ULONG *len)
{
	struct exchange exchange;

	TRY(library_check());
	if (!len)
		return CKR_ARGUMENTS_BAD;
	call.has_room = output != NULL;
	call.room = output ? *len : 0;
	TRY(invoke_begin(&call, &exchange));
	CK_RV rv = copy_output(&exchange.reply, output, len);

	invoke_end(&exchange);
	return rv;
}

static CK_RV copy_list(const Reply *reply, CK_ULONG *list, CK_ULONG *count)
{
	CK_ULONG offered = *count;

	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (reply->data.len % sizeof(CK_ULONG) != 0)
		return CKR_DEVICE_ERROR;
	*count = reply->data.len / sizeof(CK_ULONG);
	if (!list)
		return CKR_OK;
	if (offered < *count)
		return CKR_BUFFER_TOO_SMALL;
	if (*count > 0)
		memcpy(list, reply->data.data, reply->data.len);
	return CKR_OK;
}

CK_RV invoke_list(const Call *call, CK_ULONG *list, CK_ULONG *count)
{
	struct exchange exchange;

	TRY(library_check());
	if (!count)
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_begin(call, &exchange));
	CK_RV rv = copy_list(&exchange.reply, list, count);

	invoke_end(&exchange);
	return rv;
}

static CK_RV cancel(enum operation_kind kind, CK_SESSION_HANDLE session)
{
	CK_SLOT_ID slot;

	TRY(library_check());
	TRY(session_slot(session, &slot));
	if (operation_cancel(session, kind))
		return CKR_OK;
	CK_RV rv = invoke_plain(
		&(Call){ .function = operation_init_function(kind), .handle = session });

	operation_answered(session, kind, CKR_OPERATION_NOT_INITIALIZED, false);
	return rv;
}

static CK_RV init(enum operation_kind kind, Call *call)
{
	struct operation operation;
	bool deferred;

	operation_fill(&operation, (CK_MECHANISM_TYPE)call->mechanism, call->parameter,
		(CK_OBJECT_HANDLE)call->object);
	TRY(operation_defer((CK_SESSION_HANDLE)call->handle, kind, &operation, &deferred));
	if (deferred)
		return CKR_OK;
	TRY(invoke_plain(call));
	operation_begun((CK_SESSION_HANDLE)call->handle, kind, &operation);
	return CKR_OK;
}

CK_RV invoke_init(enum operation_kind kind, CK_SESSION_HANDLE session,
	const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	Call call = { .function = operation_init_function(kind), .handle = session, .object = key };
	struct arena arena;

	if (!mechanism)
		return cancel(kind, session);
	TRY(library_check());
	arena_init(&arena, WIRE_FRAME_MAX);
	CK_RV rv = invoke_mechanism(mechanism, &arena, &call);

	if (rv == CKR_OK)
		rv = init(kind, &call);
	arena_reset(&arena);
	return rv;
}

CK_RV invoke_mechanism(const CK_MECHANISM *mechanism, struct arena *arena, Call *call)
{
	TRY(library_check());
	if (!mechanism)
		return CKR_ARGUMENTS_BAD;
	call->has_mechanism = true;
	call->mechanism = mechanism->mechanism;
	return mechanism_flatten(mechanism, arena, &call->parameter);
}

CK_RV invoke_template(CK_ATTRIBUTE *list, CK_ULONG count, struct attributes *attributes)
{
	TRY(library_check());
	if (count > WIRE_ATTRIBUTES_MAX || (count > 0 && !list))
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < count; i++) {
		if (!list[i].pValue && list[i].ulValueLen != 0)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	*attributes = (struct attributes){ list, count };
	return CKR_OK;
}

CK_RV invoke_input(const void *data, CK_ULONG len, struct bytes *input)
{
	TRY(library_check());
	if (!data && len > 0)
		return CKR_ARGUMENTS_BAD;
	*input = data ? bytes_of(data, len) : bytes_of("", 0);
	return CKR_OK;
}
