/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypt, decrypt, digest, sign and verify: one handler a function, each a shape over the
 * backend's call. */
#include "call_oaep.h"
#include "operation.h"
#include "police.h"
#include "provisioning.h"
#include "record.h"

enum {
	ENCRYPT = 1U << OPERATION_ENCRYPT,
	DECRYPT = 1U << OPERATION_DECRYPT,
	DIGEST = 1U << OPERATION_DIGEST,
	SIGN = 1U << OPERATION_SIGN,
	VERIFY = 1U << OPERATION_VERIFY
};

CK_RV call_encrypt_init(struct request *request)
{
	return operation_begin(request, OPERATION_ENCRYPT, request->functions->C_EncryptInit);
}

CK_RV call_encrypt(struct request *request)
{
	TRY(operation_begin_merged(request, OPERATION_ENCRYPT, request->functions->C_EncryptInit));
	if (request->session->encrypt.hash)
		return call_oaep_encrypt(request);
	return operation_run_in_out(
		request, ENCRYPT, true, request->functions->C_Encrypt, request->call->data);
}

CK_RV call_encrypt_update(struct request *request)
{
	return operation_run_in_out(
		request, ENCRYPT, false, request->functions->C_EncryptUpdate, request->call->data);
}

CK_RV call_encrypt_final(struct request *request)
{
	return operation_run_out(request, OPERATION_ENCRYPT, request->functions->C_EncryptFinal);
}

CK_RV call_decrypt_init(struct request *request)
{
	return operation_begin(request, OPERATION_DECRYPT, request->functions->C_DecryptInit);
}

CK_RV call_decrypt(struct request *request)
{
	TRY(operation_begin_merged(request, OPERATION_DECRYPT, request->functions->C_DecryptInit));
	TRY(record_use(request, OPERATION_DECRYPT, &request->call->data));
	if (request->session->decrypt.hash)
		return call_oaep_decrypt(request);
	return operation_run_in_out(
		request, DECRYPT, true, request->functions->C_Decrypt, request->call->data);
}

CK_RV call_decrypt_update(struct request *request)
{
	TRY(record_use(request, OPERATION_DECRYPT, &request->call->data));
	return operation_run_in_out(
		request, DECRYPT, false, request->functions->C_DecryptUpdate, request->call->data);
}

CK_RV call_decrypt_final(struct request *request)
{
	TRY(record_use(request, OPERATION_DECRYPT, NULL));
	return operation_run_out(request, OPERATION_DECRYPT, request->functions->C_DecryptFinal);
}

/* C_DigestInit takes no key, so it has its own copy of the way in. */
CK_RV call_digest_init(struct request *request)
{
	struct session *session = request->session;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	if (!request->call->has_mechanism)
		return operation_begin(request, OPERATION_DIGEST, NULL);
	if (session->active & DIGEST)
		return CKR_OPERATION_ACTIVE;
	TRY(session_native(session, &native));
	CK_RV rv = request->functions->C_DigestInit(native, &request->mechanism);

	if (rv == CKR_OK)
		session->active |= DIGEST;
	else
		session_release(session, session->active == 0);
	return rv;
}

CK_RV call_digest(struct request *request)
{
	if (request->call->has_mechanism)
		TRY(call_digest_init(request));
	return operation_run_in_out(
		request, DIGEST, true, request->functions->C_Digest, request->call->data);
}

CK_RV call_digest_update(struct request *request)
{
	return operation_run_in(
		request, OPERATION_DIGEST, request->functions->C_DigestUpdate, request->call->data);
}

CK_RV call_digest_key(struct request *request)
{
	struct session *session = request->session;

	TRY(operation_check_active(session, DIGEST));
	CK_RV rv = request->functions->C_DigestKey(session->native, request->object.native);

	return operation_settle(session, DIGEST, true, rv);
}

CK_RV call_digest_final(struct request *request)
{
	return operation_run_out(request, OPERATION_DIGEST, request->functions->C_DigestFinal);
}

CK_RV call_sign_init(struct request *request)
{
	return operation_begin(request, OPERATION_SIGN, request->functions->C_SignInit);
}

/* The digest of the message, in place of the message, where the host does the hashing. */
static CK_RV replace_by_digest(struct session *session, struct hashed *hashed, unsigned operation,
	const struct bytes *whole, struct bytes *input)
{
	if (!hashed->form)
		return CKR_OK;
	CK_RV rv = hashed_finish(hashed, whole, input);

	return rv == CKR_OK ? rv : operation_settle(session, operation, true, rv);
}

CK_RV call_sign(struct request *request)
{
	struct session *session = request->session;
	struct bytes input = request->call->data;

	TRY(operation_begin_merged(request, OPERATION_SIGN, request->functions->C_SignInit));
	if (provisioning_is_for(session, OPERATION_SIGN))
		return provisioning_sign(request, true);
	TRY(operation_check_active(session, SIGN));
	TRY(police_sign(request, &request->call->data));
	TRY(record_use(request, OPERATION_SIGN, &request->call->data));
	TRY(replace_by_digest(session, &session->sign, SIGN, &request->call->data, &input));
	CK_RV rv = operation_run_in_out(request, SIGN, true, request->functions->C_Sign, input);

	/* Whoever asks for the length first may still sign in parts. */
	if (rv == CKR_OK && !request->call->has_room && session->sign.form)
		hashed_begin(&session->sign, session->sign.form);
	return rv;
}

CK_RV call_sign_update(struct request *request)
{
	struct session *session = request->session;

	if (provisioning_is_for(session, OPERATION_SIGN))
		return provisioning_update(request);
	TRY(operation_check_active(session, SIGN));
	TRY(police_part(request));
	TRY(record_part(session, OPERATION_SIGN, request->call->data));
	if (session->sign.form)
		return operation_settle(
			session, SIGN, true, hashed_update(&session->sign, request->call->data));
	return operation_run_in(
		request, OPERATION_SIGN, request->functions->C_SignUpdate, request->call->data);
}

CK_RV call_sign_final(struct request *request)
{
	struct session *session = request->session;
	struct bytes input = { NULL, 0 };

	if (provisioning_is_for(session, OPERATION_SIGN))
		return provisioning_sign(request, false);
	TRY(operation_check_active(session, SIGN));
	TRY(police_sign(request, NULL));
	TRY(record_use(request, OPERATION_SIGN, NULL));
	if (!session->sign.form)
		return operation_run_out(request, OPERATION_SIGN, request->functions->C_SignFinal);
	TRY(replace_by_digest(session, &session->sign, SIGN, NULL, &input));
	return operation_run_in_out(request, SIGN, true, request->functions->C_Sign, input);
}

CK_RV call_sign_recover_init(struct request *request)
{
	return operation_begin(
		request, OPERATION_SIGN_RECOVER, request->functions->C_SignRecoverInit);
}

CK_RV call_sign_recover(struct request *request)
{
	TRY(record_use(request, OPERATION_SIGN_RECOVER, &request->call->data));
	return operation_run_in_out(request, operation_bit(OPERATION_SIGN_RECOVER), true,
		request->functions->C_SignRecover, request->call->data);
}

CK_RV call_verify_init(struct request *request)
{
	return operation_begin(request, OPERATION_VERIFY, request->functions->C_VerifyInit);
}

static CK_RV verify_whole(struct request *request, struct bytes input, struct bytes signature)
{
	struct session *session = request->session;
	CK_RV rv = request->functions->C_Verify(session->native, call_input(input), input.len,
		call_input(signature), signature.len);

	return operation_settle(session, VERIFY, false, rv);
}

CK_RV call_verify(struct request *request)
{
	struct session *session = request->session;
	struct bytes input = request->call->data;

	TRY(operation_begin_merged(request, OPERATION_VERIFY, request->functions->C_VerifyInit));
	if (provisioning_is_for(session, OPERATION_VERIFY))
		return provisioning_verify(request, true);
	TRY(operation_check_active(session, VERIFY));
	TRY(replace_by_digest(session, &session->verify, VERIFY, &request->call->data, &input));
	return verify_whole(request, input, request->call->data2);
}

CK_RV call_verify_update(struct request *request)
{
	struct session *session = request->session;

	if (provisioning_is_for(session, OPERATION_VERIFY))
		return provisioning_update(request);
	TRY(operation_check_active(session, VERIFY));
	if (session->verify.form)
		return operation_settle(session, VERIFY, true,
			hashed_update(&session->verify, request->call->data));
	return operation_run_in(
		request, OPERATION_VERIFY, request->functions->C_VerifyUpdate, request->call->data);
}

CK_RV call_verify_final(struct request *request)
{
	struct session *session = request->session;
	struct bytes signature = request->call->data, input = { NULL, 0 };

	if (provisioning_is_for(session, OPERATION_VERIFY))
		return provisioning_verify(request, false);
	TRY(operation_check_active(session, VERIFY));
	if (session->verify.form) {
		TRY(replace_by_digest(session, &session->verify, VERIFY, NULL, &input));
		return verify_whole(request, input, signature);
	}
	CK_RV rv = request->functions->C_VerifyFinal(
		session->native, call_input(signature), signature.len);

	return operation_settle(session, VERIFY, false, rv);
}

CK_RV call_verify_recover_init(struct request *request)
{
	return operation_begin(
		request, OPERATION_VERIFY_RECOVER, request->functions->C_VerifyRecoverInit);
}

CK_RV call_verify_recover(struct request *request)
{
	return operation_run_in_out(request, operation_bit(OPERATION_VERIFY_RECOVER), true,
		request->functions->C_VerifyRecover, request->call->data);
}

CK_RV call_digest_encrypt_update(struct request *request)
{
	return operation_run_in_out(request, DIGEST | ENCRYPT, false,
		request->functions->C_DigestEncryptUpdate, request->call->data);
}

CK_RV call_decrypt_digest_update(struct request *request)
{
	TRY(record_use(request, OPERATION_DECRYPT, &request->call->data));
	return operation_run_in_out(request, DECRYPT | DIGEST, false,
		request->functions->C_DecryptDigestUpdate, request->call->data);
}

CK_RV call_sign_encrypt_update(struct request *request)
{
	if (request->session->sign.form || request->session->police)
		return CKR_FUNCTION_NOT_SUPPORTED;
	TRY(operation_check_active(request->session, SIGN | ENCRYPT));
	if (request->call->has_room)
		TRY(record_part(request->session, OPERATION_SIGN, request->call->data));
	return operation_run_in_out(request, SIGN | ENCRYPT, false,
		request->functions->C_SignEncryptUpdate, request->call->data);
}

CK_RV call_decrypt_verify_update(struct request *request)
{
	if (request->session->verify.form)
		return CKR_FUNCTION_NOT_SUPPORTED;
	TRY(record_use(request, OPERATION_DECRYPT, &request->call->data));
	return operation_run_in_out(request, DECRYPT | VERIFY, false,
		request->functions->C_DecryptVerifyUpdate, request->call->data);
}
