/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of a session and the shapes of the calls that drive them (PKCS#11 3.0, 5.2 and 5.8
 * to 5.17). */
#include "operation.h"

#include "call_oaep.h"
#include "key_kind.h"
#include "police.h"
#include "provision.h"
#include "provisioning.h"
#include "record.h"

static struct hashed *hashed_of(struct session *session, enum operation operation)
{
	switch (operation) {
	case OPERATION_SIGN: return &session->sign;
	case OPERATION_VERIFY: return &session->verify;
	default: return NULL;
	}
}

CK_RV operation_check_active(const struct session *session, unsigned operations)
{
	return (session->active & operations) == operations ? CKR_OK
							    : CKR_OPERATION_NOT_INITIALIZED;
}

/* A native session in which something went wrong may remember it, so it is not used again. */
CK_RV operation_settle(struct session *session, unsigned operations, bool goes_on, CK_RV rv)
{
	if (rv == CKR_OK && goes_on)
		return rv;
	if (rv == CKR_BUFFER_TOO_SMALL || rv == CKR_USER_NOT_LOGGED_IN)
		return rv;
	bool spoiled = rv != CKR_OK && rv != CKR_SIGNATURE_INVALID;

	session_end_own(session, spoiled ? ~0U : operations);
	session->active &= ~operations;
	session_release(session, spoiled);
	return rv;
}

static CK_RV cancel(struct session *session, enum operation operation)
{
	unsigned bit = operation_bit(operation);

	if (provisioning_is_for(session, operation)) {
		provisioning_free(&session->job);
		return CKR_OK;
	}
	if (!(session->active & bit))
		return CKR_ARGUMENTS_BAD; /* nothing to cancel: a missing mechanism */
	if (session->active & ~bit)
		return CKR_OPERATION_CANCEL_FAILED;
	session_end_own(session, bit);
	session_release(session, true);
	return CKR_OK;
}

static CK_RV begin_native(struct request *request, enum operation operation,
	operation_key_init *init, CK_MECHANISM *mechanism)
{
	struct session *session = request->session;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	TRY(session_native(session, &native));
	CK_RV rv = init(native, mechanism, request->object.native);

	if (rv == CKR_OK)
		session->active |= operation_bit(operation);
	else
		session_release(session, session->active == 0);
	return rv;
}

static CK_RV begin_hashed(struct request *request, enum operation operation,
	operation_key_init *init, const struct hashed_form *form)
{
	CK_MECHANISM raw;

	TRY(hashed_raw_mechanism(form, &request->mechanism, &raw));
	TRY(begin_native(request, operation, init, &raw));
	hashed_begin(hashed_of(request->session, operation), form);
	return CKR_OK;
}

/* SoftHSM2 decrypts as if no label were there, so a label is the host's first. */
static CK_RV begin_plain(
	struct request *request, enum operation operation, operation_key_init *init)
{
	bool labelled = oaep_is_labelled(&request->mechanism);
	CK_RV rv = labelled ? call_oaep_begin(request, operation, init, CKR_MECHANISM_PARAM_INVALID)
			    : begin_native(request, operation, init, &request->mechanism);

	if (rv == CKR_OK)
		return rv;
	return labelled ? begin_native(request, operation, init, &request->mechanism)
			: call_oaep_begin(request, operation, init, rv);
}

CK_RV operation_begin(struct request *request, enum operation operation, operation_key_init *init)
{
	struct session *session = request->session;
	CK_MECHANISM_TYPE type = request->mechanism.mechanism;

	if (!request->call->has_mechanism)
		return cancel(session, operation);
	if (session->active & operation_bit(operation))
		return CKR_OPERATION_ACTIVE;
	if (provision_is_mechanism(type))
		return provisioning_begin(request, operation);
	if (provisioning_is_for(session, operation))
		return CKR_OPERATION_ACTIVE;
	TRY(key_kind_check(type, request->object.class, request->object.key_type));
	TRY(police_begin(request, operation));
	TRY(record_begin(request, operation));
	const struct hashed_form *form =
		hashed_of(session, operation) ? hashed_form_of(type) : NULL;
	CK_RV rv = form && token_hashes(request->token, type)
			   ? begin_hashed(request, operation, init, form)
			   : begin_plain(request, operation, init);

	if (rv != CKR_OK)
		session_end_own(session, operation_bit(operation));
	return rv;
}

CK_RV operation_begin_merged(
	struct request *request, enum operation operation, operation_key_init *init)
{
	return request->call->has_mechanism ? operation_begin(request, operation, init) : CKR_OK;
}

CK_RV operation_take_room(struct request *request, CK_BYTE **buffer, CK_ULONG *len)
{
	*buffer = NULL;
	*len = 0;
	if (!request->call->has_room)
		return CKR_OK;
	*len = request->call->room < CALL_OUTPUT_MAX ? request->call->room : CALL_OUTPUT_MAX;
	*buffer = arena_take(request->arena, *len > 0 ? *len : 1);
	return *buffer ? CKR_OK : CKR_HOST_MEMORY;
}

void operation_give(struct request *request, const CK_BYTE *buffer, CK_ULONG len, CK_RV rv)
{
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		request->reply->number = len;
	if (rv == CKR_OK && buffer)
		request->reply->data = bytes_of(buffer, len);
}

/* The backend's part of such an operation is raw RSA, which is nobody's to use. */
static CK_RV check_native(struct session *session, unsigned operations)
{
	bool encrypts = (operations & operation_bit(OPERATION_ENCRYPT)) && session->encrypt.hash;
	bool decrypts = (operations & operation_bit(OPERATION_DECRYPT)) && session->decrypt.hash;

	TRY(operation_check_active(session, operations));
	/* As SoftHSM2 answers to parts where a mechanism has none. */
	return encrypts || decrypts
		       ? operation_settle(session, operations, false, CKR_OPERATION_NOT_INITIALIZED)
		       : CKR_OK;
}

CK_RV operation_run_in_out(struct request *request, unsigned operations, bool final,
	operation_in_out *call, struct bytes input)
{
	struct session *session = request->session;
	CK_BYTE *buffer = NULL;
	CK_ULONG len = 0;

	TRY(check_native(session, operations));
	TRY(operation_take_room(request, &buffer, &len));
	CK_ULONG room = len;
	CK_RV rv = call(session->native, call_input(input), input.len, buffer, &len);

	if (rv == CKR_OK && buffer && len > room)
		rv = CKR_DEVICE_ERROR;
	operation_give(request, buffer, len, rv);
	return operation_settle(session, operations, !buffer || !final, rv);
}

CK_RV operation_run_in(
	struct request *request, enum operation operation, operation_in *call, struct bytes input)
{
	struct session *session = request->session;
	unsigned bit = operation_bit(operation);

	TRY(operation_check_active(session, bit));
	return operation_settle(
		session, bit, true, call(session->native, call_input(input), input.len));
}

CK_RV operation_run_out(struct request *request, enum operation operation, operation_out *call)
{
	struct session *session = request->session;
	unsigned bit = operation_bit(operation);
	CK_BYTE *buffer = NULL;
	CK_ULONG len = 0;

	TRY(check_native(session, bit));
	TRY(operation_take_room(request, &buffer, &len));
	CK_ULONG room = len;
	CK_RV rv = call(session->native, buffer, &len);

	if (rv == CKR_OK && buffer && len > room)
		rv = CKR_DEVICE_ERROR;
	operation_give(request, buffer, len, rv);
	return operation_settle(session, bit, !buffer, rv);
}
