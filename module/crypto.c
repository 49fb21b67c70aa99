/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption, digests, signatures, keys and random numbers: one statement a function as far as it
 * goes. */
#include "invoke.h"
#include "operation.h"
#include "split.h"

/* Input and output, as most of them have. */
static CK_RV in_out(Function function, CK_SESSION_HANDLE session, const CK_BYTE *in,
	CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	Call call = { .function = function, .handle = session };

	TRY(invoke_input(in, in_len, &call.data));
	if (split_is_needed(in_len))
		return split_in_out(function, session, call.data, out, out_len);
	return invoke_output(call, out, out_len);
}

static CK_RV in(Function function, CK_SESSION_HANDLE session, const CK_BYTE *data, CK_ULONG len)
{
	Call call = { .function = function, .handle = session };

	TRY(invoke_input(data, len, &call.data));
	return invoke_plain(&call);
}

/* The same where many parts are as good as one. */
static CK_RV in_parts(Function update, CK_SESSION_HANDLE session, const CK_BYTE *data, CK_ULONG len)
{
	struct bytes input;

	if (!split_is_needed(len))
		return in(update, session, data, len);
	TRY(invoke_input(data, len, &input));
	return split_in(update, session, input);
}

static CK_RV out(Function function, CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG *len)
{
	return invoke_output((Call){ .function = function, .handle = session }, data, len);
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return invoke_init(OPERATION_ENCRYPT, session, mechanism, key);
}

CK_RV C_Encrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *encrypted,
	CK_ULONG *encrypted_len)
{
	return in_out(Function_C_Encrypt, session, data, data_len, encrypted, encrypted_len);
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len,
	CK_BYTE *encrypted, CK_ULONG *encrypted_len)
{
	return in_out(Function_C_EncryptUpdate, session, part, part_len, encrypted, encrypted_len);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE session, CK_BYTE *last, CK_ULONG *last_len)
{
	return out(Function_C_EncryptFinal, session, last, last_len);
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return invoke_init(OPERATION_DECRYPT, session, mechanism, key);
}

CK_RV C_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len,
	CK_BYTE *data, CK_ULONG *data_len)
{
	return in_out(Function_C_Decrypt, session, encrypted, encrypted_len, data, data_len);
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len,
	CK_BYTE *part, CK_ULONG *part_len)
{
	return in_out(Function_C_DecryptUpdate, session, encrypted, encrypted_len, part, part_len);
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE session, CK_BYTE *last, CK_ULONG *last_len)
{
	return out(Function_C_DecryptFinal, session, last, last_len);
}

CK_RV C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
	return invoke_init(OPERATION_DIGEST, session, mechanism, CK_INVALID_HANDLE);
}

CK_RV C_Digest(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *digest,
	CK_ULONG *digest_len)
{
	return in_out(Function_C_Digest, session, data, data_len, digest, digest_len);
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	return in_parts(Function_C_DigestUpdate, session, part, part_len);
}

CK_RV C_DigestKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return invoke_plain(
		&(Call){ .function = Function_C_DigestKey, .handle = session, .object = key });
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE session, CK_BYTE *digest, CK_ULONG *digest_len)
{
	return out(Function_C_DigestFinal, session, digest, digest_len);
}

CK_RV C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return invoke_init(OPERATION_SIGN, session, mechanism, key);
}

CK_RV C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
	CK_ULONG *signature_len)
{
	return in_out(Function_C_Sign, session, data, data_len, signature, signature_len);
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	return in_parts(Function_C_SignUpdate, session, part, part_len);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *signature_len)
{
	return out(Function_C_SignFinal, session, signature, signature_len);
}

/* The Init of operations that are too rare to be kept back. */
static CK_RV init_recover(Function function, CK_SESSION_HANDLE session,
	const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	Call call = { .function = function, .handle = session, .object = key };
	struct arena arena;
	CK_RV rv = CKR_OK;

	arena_init(&arena, WIRE_FRAME_MAX);
	/* NULL cancels, as everywhere in 3.0. */
	if (mechanism)
		rv = invoke_mechanism(mechanism, &arena, &call);
	if (rv == CKR_OK)
		rv = invoke_plain(&call);
	arena_reset(&arena);
	return rv;
}

CK_RV C_SignRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return init_recover(Function_C_SignRecoverInit, session, mechanism, key);
}

CK_RV C_SignRecover(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
	CK_ULONG *signature_len)
{
	return in_out(Function_C_SignRecover, session, data, data_len, signature, signature_len);
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return invoke_init(OPERATION_VERIFY, session, mechanism, key);
}

CK_RV C_Verify(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
	CK_ULONG signature_len)
{
	Call call = { .function = Function_C_Verify, .handle = session };

	TRY(invoke_input(data, data_len, &call.data));
	TRY(invoke_input(signature, signature_len, &call.data2));
	if (split_is_needed(data_len))
		return split_verify(session, call.data, call.data2);
	return invoke_plain(&call);
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	return in_parts(Function_C_VerifyUpdate, session, part, part_len);
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len)
{
	return in(Function_C_VerifyFinal, session, signature, signature_len);
}

CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return init_recover(Function_C_VerifyRecoverInit, session, mechanism, key);
}

CK_RV C_VerifyRecover(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len,
	CK_BYTE *data, CK_ULONG *data_len)
{
	return in_out(Function_C_VerifyRecover, session, signature, signature_len, data, data_len);
}

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len,
	CK_BYTE *encrypted, CK_ULONG *encrypted_len)
{
	return in_out(
		Function_C_DigestEncryptUpdate, session, part, part_len, encrypted, encrypted_len);
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len,
	CK_BYTE *part, CK_ULONG *part_len)
{
	return in_out(
		Function_C_DecryptDigestUpdate, session, encrypted, encrypted_len, part, part_len);
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len,
	CK_BYTE *encrypted, CK_ULONG *encrypted_len)
{
	return in_out(
		Function_C_SignEncryptUpdate, session, part, part_len, encrypted, encrypted_len);
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *encrypted, CK_ULONG encrypted_len,
	CK_BYTE *part, CK_ULONG *part_len)
{
	return in_out(
		Function_C_DecryptVerifyUpdate, session, encrypted, encrypted_len, part, part_len);
}

CK_RV C_SeedRandom(CK_SESSION_HANDLE session, CK_BYTE *seed, CK_ULONG seed_len)
{
	return in_parts(Function_C_SeedRandom, session, seed, seed_len);
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE session, CK_BYTE *random_data, CK_ULONG random_len)
{
	enum { AT_ONCE_MAX = 4 * 1024 * 1024 };
	Call call = { .function = Function_C_GenerateRandom, .handle = session };
	CK_ULONG done = 0;

	do {
		CK_ULONG left = random_len - done;

		call.number = left < AT_ONCE_MAX ? left : AT_ONCE_MAX;
		TRY(invoke_structure(&call, random_data ? random_data + done : NULL, call.number));
		done += call.number;
	} while (done < random_len);
	return CKR_OK;
}

/* CKF_* of C_SessionCancel (PKCS#11 3.0, 5.6.7) for the operations whose Init may wait here. */
static const struct {
	CK_FLAGS flag;
	enum operation_kind kind;
} operations[] = {
	{ CKF_ENCRYPT, OPERATION_ENCRYPT },
	{ CKF_DECRYPT, OPERATION_DECRYPT },
	{ CKF_DIGEST, OPERATION_DIGEST },
	{ CKF_SIGN, OPERATION_SIGN },
	{ CKF_VERIFY, OPERATION_VERIFY },
};

static void cancel_locally(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		if (flags & operations[i].flag)
			(void)operation_cancel(session, operations[i].kind);
	}
	struct session *found = session_lock(session);

	if (!found)
		return;
	if (flags & CKF_FIND_OBJECTS)
		found->find.active = false;
	session_unlock();
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
	cancel_locally(session, flags);
	CK_RV rv = invoke_plain(&(Call){
		.function = Function_C_SessionCancel, .handle = session, .number = flags });

	for (size_t i = 0; i < ARRAY_LEN(operations) && rv == CKR_OK; i++) {
		if (flags & operations[i].flag)
			operation_answered(
				session, operations[i].kind, CKR_OPERATION_NOT_INITIALIZED, false);
	}
	return rv;
}
