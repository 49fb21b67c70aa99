/* SPDX-License-Identifier: Apache-2.0 */
/* Input longer than a frame, sent in parts wherever the standard has a call for parts. */
#include "split.h"

#include "library.h"
#include "operation.h"

enum {
	WHOLE_MAX = WIRE_FRAME_MAX - 64 * 1024, /* mechanism and signature travel along */
	PART = 4 * 1024 * 1024,
	GRAIN = 4096 /* a multiple of every cipher's block */
};

struct plan {
	Function function;
	Function update;
	Function final; /* NONE: the function itself is an Update */
	enum operation_kind kind;
	CK_FLAGS flags;  /* for C_SessionCancel */
	bool has_output; /* each Update */
};

static const struct plan plans[] = {
	{ Function_C_Digest, Function_C_DigestUpdate, Function_C_DigestFinal, OPERATION_DIGEST,
		CKF_DIGEST, false },
	{ Function_C_Sign, Function_C_SignUpdate, Function_C_SignFinal, OPERATION_SIGN, CKF_SIGN,
		false },
	{ Function_C_Encrypt, Function_C_EncryptUpdate, Function_C_EncryptFinal, OPERATION_ENCRYPT,
		CKF_ENCRYPT, true },
	{ Function_C_Decrypt, Function_C_DecryptUpdate, Function_C_DecryptFinal, OPERATION_DECRYPT,
		CKF_DECRYPT, true },
	{ Function_C_EncryptUpdate, Function_C_EncryptUpdate, Function_NONE, OPERATION_NONE,
		CKF_ENCRYPT, true },
	{ Function_C_DecryptUpdate, Function_C_DecryptUpdate, Function_NONE, OPERATION_NONE,
		CKF_DECRYPT, true },
	{ Function_C_DigestEncryptUpdate, Function_C_DigestEncryptUpdate, Function_NONE,
		OPERATION_NONE, CKF_DIGEST | CKF_ENCRYPT, true },
	{ Function_C_DecryptDigestUpdate, Function_C_DecryptDigestUpdate, Function_NONE,
		OPERATION_NONE, CKF_DECRYPT | CKF_DIGEST, true },
	{ Function_C_SignEncryptUpdate, Function_C_SignEncryptUpdate, Function_NONE, OPERATION_NONE,
		CKF_SIGN | CKF_ENCRYPT, true },
	{ Function_C_DecryptVerifyUpdate, Function_C_DecryptVerifyUpdate, Function_NONE,
		OPERATION_NONE, CKF_DECRYPT | CKF_VERIFY, true },
};

static const struct plan *find_plan(Function function)
{
	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		if (plans[i].function == function)
			return &plans[i];
	}
	return NULL;
}

bool split_is_needed(CK_ULONG len)
{
	return len > WHOLE_MAX;
}

static struct bytes part_of(struct bytes input, size_t from)
{
	size_t left = input.len - from;

	return bytes_of(input.data + from, left < PART ? left : PART);
}

CK_RV split_in(Function update, CK_SESSION_HANDLE session, struct bytes input)
{
	for (size_t done = 0; done < input.len; done += PART)
		TRY(invoke_plain(&(Call){
			.function = update, .handle = session, .data = part_of(input, done) }));
	return CKR_OK;
}

/* A mechanism without parts says that nothing was initialised; it is the message that is long. */
static CK_RV split_whole(
	enum operation_kind kind, Function update, CK_SESSION_HANDLE session, struct bytes input)
{
	bool active = operation_is_active(session, kind);
	CK_RV rv = split_in(update, session, input);

	return rv == CKR_OPERATION_NOT_INITIALIZED && active ? CKR_DATA_LEN_RANGE : rv;
}

CK_RV split_verify(CK_SESSION_HANDLE session, struct bytes input, struct bytes signature)
{
	TRY(split_whole(OPERATION_VERIFY, Function_C_VerifyUpdate, session, input));
	return invoke_plain(&(Call){
		.function = Function_C_VerifyFinal, .handle = session, .data = signature });
}

/*
 * How much the whole input gives: that of a short beginning of the same remainder, and the rest
 * one for one. A digest or signature has its length whatever the input is.
 */
static CK_RV ask_length(
	const struct plan *plan, CK_SESSION_HANDLE session, struct bytes input, CK_ULONG *needed)
{
	Call call = { .function = plan->function, .handle = session, .data = bytes_of("", 0) };
	CK_ULONG len = 0;

	if (plan->has_output)
		call.data = bytes_of(input.data, GRAIN + input.len % GRAIN);
	TRY(invoke_output(call, NULL, &len));
	*needed = len;
	if (!plan->has_output)
		return CKR_OK;
	/* Less than it was given: a single block, as RSA has it. */
	if (len < call.data.len / 2)
		return CKR_DATA_LEN_RANGE;
	*needed += input.len - call.data.len;
	return CKR_OK;
}

struct sink {
	CK_BYTE *data;
	CK_ULONG room;
	CK_ULONG used;
};

static CK_RV pour(Call call, struct sink *sink)
{
	CK_ULONG len = sink->room - sink->used;

	TRY(invoke_output(call, sink->data + sink->used, &len));
	sink->used += len;
	return CKR_OK;
}

static CK_RV pour_updates(
	Function update, CK_SESSION_HANDLE session, struct bytes input, struct sink *sink)
{
	for (size_t done = 0; done < input.len; done += PART) {
		Call call = { .function = update, .handle = session, .data = part_of(input, done) };

		TRY(pour(call, sink));
	}
	return CKR_OK;
}

static CK_RV run(
	const struct plan *plan, CK_SESSION_HANDLE session, struct bytes input, struct sink *sink)
{
	if (plan->has_output)
		TRY(pour_updates(plan->update, session, input, sink));
	else
		TRY(split_whole(plan->kind, plan->update, session, input));
	if (plan->final == Function_NONE)
		return CKR_OK;
	return pour((Call){ .function = plan->final, .handle = session }, sink);
}

static CK_RV split_by(const struct plan *plan, CK_SESSION_HANDLE session, struct bytes input,
	CK_BYTE *out, CK_ULONG *out_len)
{
	struct sink sink = { .data = out, .room = *out_len };
	CK_ULONG needed = 0;

	TRY(ask_length(plan, session, input, &needed));
	if (!out || *out_len < needed) {
		*out_len = needed;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	CK_RV rv = run(plan, session, input, &sink);

	/* Half of it is done and the caller cannot go on: a mechanism that gives all at its end. */
	if (rv == CKR_BUFFER_TOO_SMALL) {
		(void)C_SessionCancel(session, plan->flags);
		rv = CKR_DATA_LEN_RANGE;
	}
	if (rv == CKR_OK)
		*out_len = sink.used;
	return rv;
}

CK_RV split_in_out(Function function, CK_SESSION_HANDLE session, struct bytes input, CK_BYTE *out,
	CK_ULONG *out_len)
{
	const struct plan *plan = find_plan(function);
	CK_SLOT_ID slot;

	TRY(library_check());
	if (!out_len)
		return CKR_ARGUMENTS_BAD;
	TRY(session_slot(session, &slot));
	return plan ? split_by(plan, session, input, out, out_len) : CKR_DATA_LEN_RANGE;
}
