/* SPDX-License-Identifier: Apache-2.0 */
/* Token, session and login functions. */
#include "invoke.h"
#include "library.h"
#include "operation.h"

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	Call call = { .function = Function_C_GetTokenInfo, .handle = slot };

	return invoke_structure(&call, info, sizeof(*info));
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	Call call = { .function = Function_C_GetMechanismList, .handle = slot };

	return invoke_list(&call, list, count);
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	Call call = { .function = Function_C_GetMechanismInfo, .handle = slot, .number = type };

	return invoke_structure(&call, info, sizeof(*info));
}

/* A NULL PIN is absent: the agent is asked to use the one it keeps. */
static CK_RV take_pin(const CK_UTF8CHAR *pin, CK_ULONG len, struct bytes *bytes)
{
	TRY(library_check());
	if (!pin && len > 0)
		return CKR_ARGUMENTS_BAD;
	*bytes = bytes_of(pin, len);
	return CKR_OK;
}

CK_RV C_InitToken(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *label)
{
	enum { LABEL_LEN = 32 };
	Call call = { .function = Function_C_InitToken, .handle = slot };

	TRY(library_check());
	if (!label)
		return CKR_ARGUMENTS_BAD;
	TRY(take_pin(pin, pin_len, &call.data));
	call.data2 = bytes_of(label, LABEL_LEN);
	CK_RV rv = invoke_plain(&call);

	session_doubt(slot);
	return rv;
}

CK_RV C_InitPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	Call call = { .function = Function_C_InitPIN, .handle = session };

	TRY(take_pin(pin, pin_len, &call.data));
	return invoke_plain(&call);
}

CK_RV C_SetPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *old_pin, CK_ULONG old_len,
	CK_UTF8CHAR *new_pin, CK_ULONG new_len)
{
	Call call = { .function = Function_C_SetPIN, .handle = session };

	TRY(take_pin(old_pin, old_len, &call.data));
	TRY(take_pin(new_pin, new_len, &call.data2));
	return invoke_plain(&call);
}

static CK_RV open_session(CK_FLAGS flags, CK_SESSION_HANDLE handle)
{
	CK_RV rv = invoke_plain(
		&(Call){ .function = Function_C_OpenSession, .handle = handle, .number = flags });

	/* It exists when the first answer was lost and the call travelled again. */
	return rv == CKR_SESSION_EXISTS ? CKR_OK : rv;
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
	CK_SESSION_HANDLE *session)
{
	CK_SESSION_HANDLE handle;

	(void)application;
	(void)notify;
	TRY(library_check());
	if (!session)
		return CKR_ARGUMENTS_BAD;
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	TRY(session_reserve(slot, flags, &handle));
	uint64_t restored = session_restored(slot);
	CK_RV rv = open_session(flags, handle);

	if (rv != CKR_OK) {
		session_remove(handle);
		return rv;
	}
	session_opened(handle);
	/* A restoration that another thread ran meanwhile did not count this session yet; the first
	 * one only greets the host. */
	if (session_restored(slot) > restored + (restored == 0))
		rv = open_session(flags, handle);
	if (rv != CKR_OK) {
		session_remove(handle);
		return rv;
	}
	*session = handle;
	return CKR_OK;
}

CK_RV C_CloseSession(CK_SESSION_HANDLE session)
{
	CK_RV rv = invoke_plain(&(Call){ .function = Function_C_CloseSession, .handle = session });

	if (rv == CKR_CRYPTOKI_NOT_INITIALIZED)
		return rv;
	session_remove(session);
	/* A host that is gone has closed it; a session is never stuck because of that. */
	return rv == CKR_DEVICE_ERROR ? CKR_OK : rv;
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
	CK_SLOT_INFO info;

	TRY(library_check());
	/* Without a session there is nothing to close, but the slot may be unknown. */
	if (!session_exists(slot))
		return C_GetSlotInfo(slot, &info);
	CK_RV rv = invoke_plain(&(Call){ .function = Function_C_CloseAllSessions, .handle = slot });

	session_remove_all(slot);
	return rv == CKR_DEVICE_ERROR ? CKR_OK : rv;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	Call call = { .function = Function_C_GetSessionInfo, .handle = session };

	return invoke_structure(&call, info, sizeof(*info));
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG *len)
{
	return invoke_output(
		(Call){ .function = Function_C_GetOperationState, .handle = session }, state, len);
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG len,
	CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)
{
	Call call = { .function = Function_C_SetOperationState,
		.handle = session,
		.object = encryption_key,
		.object2 = authentication_key };

	TRY(invoke_input(state, len, &call.data));
	CK_RV rv = invoke_plain(&call);

	/* Which operations the host holds now is its own knowledge. */
	operation_doubt(session);
	return rv;
}

static void note_login(CK_SLOT_ID slot, CK_USER_TYPE user, bool kept_pin, struct bytes ticket)
{
	struct login login = { .active = true, .kept_pin = kept_pin, .user = user };

	login.has_ticket = ticket.len == sizeof(login.ticket);
	if (login.has_ticket)
		memcpy(login.ticket, ticket.data, sizeof(login.ticket));
	session_login(slot, &login);
	explicit_bzero(&login, sizeof(login));
}

static CK_RV login(const Call *call)
{
	CK_USER_TYPE user = (CK_USER_TYPE)call->number;
	CK_SESSION_HANDLE session = (CK_SESSION_HANDLE)call->handle;
	struct exchange exchange;
	CK_SLOT_ID slot;

	TRY(library_check());
	TRY(session_slot(session, &slot));
	TRY(invoke_begin(call, &exchange));
	CK_RV rv = (CK_RV)exchange.reply.rv;

	if (rv == CKR_OK && user != CKU_CONTEXT_SPECIFIC)
		note_login(slot, user, call->data.data == NULL, exchange.reply.data);
	invoke_end(&exchange);
	/* A key that wants a login for each use: its Init must reach the host before that. */
	if (user == CKU_CONTEXT_SPECIFIC)
		operation_doubt(session);
	return rv;
}

CK_RV C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	Call call = { .function = Function_C_Login, .handle = session, .number = user };

	TRY(take_pin(pin, pin_len, &call.data));
	return login(&call);
}

CK_RV C_LoginUser(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len,
	CK_UTF8CHAR *username, CK_ULONG username_len)
{
	Call call = { .function = Function_C_LoginUser, .handle = session, .number = user };

	TRY(take_pin(pin, pin_len, &call.data));
	TRY(invoke_input(username, username_len, &call.data2));
	return login(&call);
}

CK_RV C_Logout(CK_SESSION_HANDLE session)
{
	CK_SLOT_ID slot;

	TRY(library_check());
	TRY(session_slot(session, &slot));
	CK_RV rv = invoke_plain(&(Call){ .function = Function_C_Logout, .handle = session });

	session_logout(slot);
	return rv;
}
