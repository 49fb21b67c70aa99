/* SPDX-License-Identifier: Apache-2.0 */
/* Key management functions. */
#include "invoke.h"
#include "library.h"

/* A call with a mechanism and a template that makes one object. */
static CK_RV make_object(Call *call, const CK_MECHANISM *mechanism, CK_ATTRIBUTE *template,
	CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	struct arena arena;

	TRY(invoke_template(template, count, &call->attributes));
	arena_init(&arena, WIRE_FRAME_MAX);
	CK_RV rv = invoke_mechanism(mechanism, &arena, call);

	if (rv == CKR_OK)
		rv = invoke_number(call, object);
	arena_reset(&arena);
	return rv;
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template,
	CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	Call call = { .function = Function_C_GenerateKey, .handle = session };

	return make_object(&call, mechanism, template, count, key);
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *wrapped_key, CK_ULONG wrapped_key_len,
	CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	Call call = {
		.function = Function_C_UnwrapKey, .handle = session, .object = unwrapping_key
	};

	TRY(invoke_input(wrapped_key, wrapped_key_len, &call.data));
	return make_object(&call, mechanism, template, count, key);
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base_key,
	CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	Call call = { .function = Function_C_DeriveKey, .handle = session, .object = base_key };

	/* Mechanisms that want no handle back (SSL 3, TLS) are not carried; a key without a handle
	 * would be lost. */
	return make_object(&call, mechanism, template, count, key);
}

static CK_RV make_pair(
	const Call *call, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	struct exchange exchange;

	TRY(invoke_begin(call, &exchange));
	CK_RV rv = (CK_RV)exchange.reply.rv;

	if (rv == CKR_OK) {
		*public_key = (CK_OBJECT_HANDLE)exchange.reply.number;
		*private_key = (CK_OBJECT_HANDLE)exchange.reply.number2;
	}
	invoke_end(&exchange);
	return rv;
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_ATTRIBUTE *public_template, CK_ULONG public_count, CK_ATTRIBUTE *private_template,
	CK_ULONG private_count, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	Call call = { .function = Function_C_GenerateKeyPair, .handle = session };
	struct arena arena;

	TRY(library_check());
	if (!public_key || !private_key)
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_template(public_template, public_count, &call.attributes));
	TRY(invoke_template(private_template, private_count, &call.attributes2));
	arena_init(&arena, WIRE_FRAME_MAX);
	CK_RV rv = invoke_mechanism(mechanism, &arena, &call);

	if (rv == CKR_OK)
		rv = make_pair(&call, public_key, private_key);
	arena_reset(&arena);
	return rv;
}

CK_RV C_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
	CK_OBJECT_HANDLE key, CK_BYTE *wrapped_key, CK_ULONG *wrapped_key_len)
{
	Call call = { .function = Function_C_WrapKey,
		.handle = session,
		.object = wrapping_key,
		.object2 = key };
	struct arena arena;

	arena_init(&arena, WIRE_FRAME_MAX);
	CK_RV rv = invoke_mechanism(mechanism, &arena, &call);

	if (rv == CKR_OK)
		rv = invoke_output(call, wrapped_key, wrapped_key_len);
	arena_reset(&arena);
	return rv;
}
