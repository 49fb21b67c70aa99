/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, logins and PINs. */
#include "call.h"
#include "login.h"
#include "operation.h"
#include "permit.h"
#include "pinadmin.h"
#include "provisioning.h"

CK_RV call_open_session(struct request *request)
{
	CK_SESSION_HANDLE anchor = CK_INVALID_HANDLE;

	if (!(request->call->number & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	TRY(token_hold(request->token, &anchor));
	return session_open(request->client, request->call->handle, request->call->number);
}

CK_RV call_close_session(struct request *request)
{
	return session_close(
		request->client, request->call->handle, wire_now_ms() + SESSION_WAIT_MS);
}

CK_RV call_close_all_sessions(struct request *request)
{
	return session_close_all(request->client, wire_now_ms() + SESSION_WAIT_MS);
}

CK_RV call_get_session_info(struct request *request)
{
	CK_SESSION_INFO *info = arena_take(request->arena, sizeof(*info));

	if (!info)
		return CKR_HOST_MEMORY;
	info->slotID = request->client->slot;
	info->state = session_state(request->session);
	info->flags = request->session->flags;
	request->reply->data = bytes_of(info, sizeof(*info));
	return CKR_OK;
}

static CK_RV log_in_context(struct request *request)
{
	TRY(token_enter(request->token, request->client, GATE_SHARED, TOKEN_WAIT_MS));
	CK_RV rv = login_context(request->session, request->call->data);

	token_leave(request->token, request->client);
	return rv;
}

static CK_RV log_in_user(struct request *request)
{
	uint8_t *ticket = arena_take(request->arena, WIRE_TICKET_LEN);
	bool has_ticket = false;

	if (!ticket)
		return CKR_HOST_MEMORY;
	TRY(login_user(request->client, request->call->data, ticket, &has_ticket));
	if (has_ticket)
		request->reply->data = bytes_of(ticket, WIRE_TICKET_LEN);
	return CKR_OK;
}

static CK_RV log_in_so(struct request *request)
{
	TRY(permit_rights(request, IOTHSM_RIGHT_SO));
	return login_so(request->client, request->call->data);
}

CK_RV call_login(struct request *request)
{
	switch (request->call->number) {
	case CKU_SO: return log_in_so(request);
	case CKU_USER: return log_in_user(request);
	case CKU_CONTEXT_SPECIFIC: return log_in_context(request);
	default: return CKR_USER_TYPE_INVALID;
	}
}

/* Backends know the two users of PKCS#11 2.40, who have no names. */
CK_RV call_login_user(struct request *request)
{
	return request->call->data2.len > 0 ? CKR_FUNCTION_NOT_SUPPORTED : call_login(request);
}

CK_RV call_restore_login(struct request *request)
{
	return login_restore(request->client, request->call->number, request->call->data);
}

CK_RV call_logout(struct request *request)
{
	return login_logout(request->client);
}

typedef CK_RV pin_call(struct request *request, CK_SESSION_HANDLE native);

static CK_RV with_native(struct request *request, pin_call *call)
{
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	TRY(token_take_session(request->token, &native));
	CK_RV rv = call(request, native);

	token_put_session(request->token, native);
	return rv;
}

static CK_RV init_pin(struct request *request, CK_SESSION_HANDLE native)
{
	return pinadmin_init_pin(request->client, native, request->call->data);
}

static CK_RV set_pin(struct request *request, CK_SESSION_HANDLE native)
{
	return pinadmin_set_pin(request->client, native, request->call->data, request->call->data2);
}

CK_RV call_init_pin(struct request *request)
{
	if (request->client->login != CKU_SO)
		return CKR_USER_NOT_LOGGED_IN;
	return with_native(request, init_pin);
}

CK_RV call_set_pin(struct request *request)
{
	if (session_is_read_only(request->session))
		return CKR_SESSION_READ_ONLY;
	return with_native(request, set_pin);
}

/* CKF_* of C_SessionCancel (PKCS#11 3.0, 5.6.4) and what they end. */
static const struct {
	CK_FLAGS flag;
	enum operation operation;
} cancels[] = {
	{ CKF_ENCRYPT, OPERATION_ENCRYPT },
	{ CKF_DECRYPT, OPERATION_DECRYPT },
	{ CKF_DIGEST, OPERATION_DIGEST },
	{ CKF_SIGN, OPERATION_SIGN },
	{ CKF_SIGN_RECOVER, OPERATION_SIGN_RECOVER },
	{ CKF_VERIFY, OPERATION_VERIFY },
	{ CKF_VERIFY_RECOVER, OPERATION_VERIFY_RECOVER },
};

#define FLAG_FIND_OBJECTS 0x00000040UL

static unsigned operations_of(CK_FLAGS flags)
{
	unsigned operations = 0;

	for (size_t i = 0; i < ARRAY_LEN(cancels); i++)
		if (flags & cancels[i].flag)
			operations |= operation_bit(cancels[i].operation);
	return operations;
}

CK_RV call_session_cancel(struct request *request)
{
	struct session *session = request->session;
	unsigned operations = operations_of(request->call->number);

	/* Two operations share a native session, which can only be closed as a whole. */
	if ((session->active & operations) && (session->active & ~operations))
		return CKR_OPERATION_CANCEL_FAILED;
	if (session->active & operations) {
		session_end_own(session, ~0U);
		session_release(session, true);
	}
	provisioning_cancel(session, operations);
	if (request->call->number & FLAG_FIND_OBJECTS)
		session_end_find(session);
	return CKR_OK;
}
