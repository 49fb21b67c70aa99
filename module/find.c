/* SPDX-License-Identifier: Apache-2.0 */
/* The search for objects: the first handles come with C_FindObjectsInit, so that one call does as a
 * rule. */
#include "invoke.h"
#include "library.h"

/* Handles of a reply, at most so many; false for a reply that breaks the rule. */
static bool take_handles(
	const Reply *reply, CK_OBJECT_HANDLE *handles, CK_ULONG most, CK_ULONG *count)
{
	if (reply->data.len % sizeof(*handles) != 0 || reply->data.len / sizeof(*handles) > most)
		return false;
	*count = reply->data.len / sizeof(*handles);
	if (*count > 0)
		memcpy(handles, reply->data.data, reply->data.len);
	return true;
}

static CK_RV begin_find(CK_SESSION_HANDLE handle, const Reply *reply)
{
	struct session *session;
	CK_RV rv = CKR_DEVICE_ERROR;
	CK_ULONG count = 0;

	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	session = session_lock(handle);
	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	session->find = (struct find_state){ .active = true, .complete = reply->number == 1 };
	if (take_handles(reply, session->find.handles, WIRE_FIND_FIRST, &count)) {
		session->find.count = count;
		rv = CKR_OK;
	} else {
		session->find.active = false;
	}
	session_unlock();
	return rv;
}

static CK_RV check_find(CK_SESSION_HANDLE handle, bool active, struct find_state *find)
{
	TRY(library_check());
	const struct session *session = session_lock(handle);

	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	*find = session->find;
	session_unlock();
	if (find->active != active)
		return active ? CKR_OPERATION_NOT_INITIALIZED : CKR_OPERATION_ACTIVE;
	return CKR_OK;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	Call call = {
		.function = Function_C_FindObjectsInit, .handle = session, .number = WIRE_FIND_FIRST
	};
	struct exchange exchange;
	struct find_state find;

	TRY(check_find(session, false, &find));
	TRY(invoke_template(template, count, &call.attributes));
	TRY(invoke_begin(&call, &exchange));
	CK_RV rv = begin_find(session, &exchange.reply);

	invoke_end(&exchange);
	return rv;
}

/* Takes what is at hand; *complete when the host has no more. */
static CK_RV serve_find(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG most,
	CK_ULONG *count, bool *complete)
{
	struct session *session = session_lock(handle);

	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	struct find_state *find = &session->find;
	size_t left = find->count - find->next;

	*count = left < most ? left : most;
	if (*count > 0)
		memcpy(objects, find->handles + find->next, *count * sizeof(*objects));
	find->next += *count;
	*complete = find->complete;
	session_unlock();
	return CKR_OK;
}

static void note_complete(CK_SESSION_HANDLE handle)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	session->find.complete = true;
	session_unlock();
}

static CK_RV fetch_find(
	CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG most, CK_ULONG *count)
{
	enum { FETCH_MAX = 65536 };
	Call call = { .function = Function_C_FindObjects,
		.handle = session,
		.number = most < FETCH_MAX ? most : FETCH_MAX };
	struct exchange exchange;

	TRY(invoke_begin(&call, &exchange));
	CK_RV rv = (CK_RV)exchange.reply.rv;

	if (rv == CKR_OK && !take_handles(&exchange.reply, objects, call.number, count))
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK && exchange.reply.number == 1)
		note_complete(session);
	invoke_end(&exchange);
	return rv;
}

static void end_find(CK_SESSION_HANDLE handle)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	session->find.active = false;
	session_unlock();
}

CK_RV C_FindObjects(
	CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *object, CK_ULONG max_count, CK_ULONG *count)
{
	struct find_state find;
	CK_ULONG served = 0;
	CK_ULONG fetched = 0;
	bool complete = false;

	TRY(check_find(session, true, &find));
	if (!count || (!object && max_count > 0))
		return CKR_ARGUMENTS_BAD;
	TRY(serve_find(session, object, max_count, &served, &complete));
	if (served < max_count && !complete) {
		CK_RV rv = fetch_find(session, object + served, max_count - served, &fetched);

		if (rv == CKR_OPERATION_NOT_INITIALIZED)
			end_find(session);
		if (rv != CKR_OK)
			return rv;
	}
	*count = served + fetched;
	return CKR_OK;
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE session)
{
	struct find_state find;

	TRY(check_find(session, true, &find));
	end_find(session);
	if (find.complete)
		return CKR_OK;
	CK_RV rv =
		invoke_plain(&(Call){ .function = Function_C_FindObjectsFinal, .handle = session });

	/* After a restart of the host there is nothing left to end. */
	return rv == CKR_OPERATION_NOT_INITIALIZED ? CKR_OK : rv;
}
