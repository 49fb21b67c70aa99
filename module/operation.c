/* SPDX-License-Identifier: Apache-2.0 */
/* Init calls that wait for the one-part call that follows them, so that both travel as one. */
#include "operation.h"

void operation_fill(struct operation *operation, CK_MECHANISM_TYPE mechanism,
	struct bytes parameter, CK_OBJECT_HANDLE key)
{
	*operation = (struct operation){ .mechanism = mechanism,
		.key = key,
		.has_parameter = parameter.data != NULL,
		.len = parameter.len };
	if (parameter.len > 0 && parameter.len <= sizeof(operation->parameter))
		memcpy(operation->parameter, parameter.data, parameter.len);
}

void operation_describe(const struct operation *operation, Call *call)
{
	call->has_mechanism = true;
	call->mechanism = operation->mechanism;
	call->object = operation->key;
	call->parameter =
		bytes_of(operation->has_parameter ? operation->parameter : NULL, operation->len);
}

Function operation_init_function(enum operation_kind kind)
{
	static const Function functions[OPERATION_KINDS] = {
		[OPERATION_ENCRYPT] = Function_C_EncryptInit,
		[OPERATION_DECRYPT] = Function_C_DecryptInit,
		[OPERATION_DIGEST] = Function_C_DigestInit,
		[OPERATION_SIGN] = Function_C_SignInit,
		[OPERATION_VERIFY] = Function_C_VerifyInit,
	};

	return functions[kind];
}

static bool is_vendor(const struct operation *operation)
{
	return operation->mechanism >= CKM_VENDOR_DEFINED;
}

static bool is_equal(const struct operation *a, const struct operation *b)
{
	return a->mechanism == b->mechanism && a->key == b->key &&
	       a->has_parameter == b->has_parameter && a->len == b->len &&
	       a->len <= sizeof(a->parameter) && memcmp(a->parameter, b->parameter, a->len) == 0;
}

/* Vendor mechanisms may be restarted at will (provisioning), so the host always sees their Init. */
static bool is_deferrable_locked(
	const struct session *session, enum operation_kind kind, const struct operation *operation)
{
	const struct operation_state *state = &session->operations[kind];

	return session->pending == OPERATION_NONE && !state->active && state->proven &&
	       state->epoch == session_epoch_locked(session) && !is_vendor(operation) &&
	       is_equal(&state->tried, operation);
}

CK_RV operation_defer(CK_SESSION_HANDLE handle, enum operation_kind kind,
	const struct operation *operation, bool *deferred)
{
	struct session *session = session_lock(handle);
	CK_RV rv = CKR_OK;

	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	*deferred = is_deferrable_locked(session, kind, operation);
	if (*deferred)
		session->pending = kind;
	else if (session->pending == kind && !is_vendor(operation))
		rv = CKR_OPERATION_ACTIVE;
	session_unlock();
	return rv;
}

bool operation_is_active(CK_SESSION_HANDLE handle, enum operation_kind kind)
{
	const struct session *session = session_lock(handle);

	if (!session)
		return false;
	bool active = session->pending == kind || session->operations[kind].active;

	session_unlock();
	return active;
}

bool operation_cancel(CK_SESSION_HANDLE handle, enum operation_kind kind)
{
	struct session *session = session_lock(handle);

	if (!session)
		return false;
	bool cancelled = session->pending == kind;

	if (cancelled)
		session->pending = OPERATION_NONE;
	session_unlock();
	return cancelled;
}

enum operation_kind operation_take(
	CK_SESSION_HANDLE handle, struct operation *operation, bool *slow)
{
	struct session *session = session_lock(handle);

	*slow = false;
	if (!session)
		return OPERATION_NONE;
	enum operation_kind kind = session->pending;

	session->pending = OPERATION_NONE;
	*slow = kind == OPERATION_NONE && session->vendor;
	if (kind != OPERATION_NONE)
		*operation = session->operations[kind].tried;
	session_unlock();
	return kind;
}

void operation_begun(
	CK_SESSION_HANDLE handle, enum operation_kind kind, const struct operation *operation)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	struct operation_state *state = &session->operations[kind];
	uint64_t epoch = session_epoch_locked(session);

	state->proven =
		state->proven && state->epoch == epoch && is_equal(&state->tried, operation);
	state->tried = *operation;
	state->epoch = epoch;
	state->active = true;
	session->lost = session->failed = false;
	session->vendor = is_vendor(operation);
	session_unlock();
}

void operation_answered(CK_SESSION_HANDLE handle, enum operation_kind kind, CK_RV rv, bool query)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	struct operation_state *state = &session->operations[kind];

	/* CKA_ALWAYS_AUTHENTICATE: 0x101 leaves the operation to a C_Login that may follow. */
	state->active = (rv == CKR_OK && query) || rv == CKR_BUFFER_TOO_SMALL ||
			rv == CKR_USER_NOT_LOGGED_IN;
	if (!state->active)
		state->proven = rv == CKR_OK || rv == CKR_SIGNATURE_INVALID;
	session_unlock();
}

void operation_doubt(CK_SESSION_HANDLE handle)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	for (size_t i = 0; i < OPERATION_KINDS; i++) {
		session->operations[i].proven = false;
		session->operations[i].tried.len = SIZE_MAX;
	}
	session_unlock();
}
