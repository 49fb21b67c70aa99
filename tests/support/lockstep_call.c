/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that lockstep.c makes, by the form of their arguments. */
#include <string.h>

#include "bytes.h"
#include "lockstep.h"

static void load_pointer(
	const struct function *function, const CK_FUNCTION_LIST *p11, void *pointer, size_t size)
{
	memcpy(pointer, (const CK_BYTE *)p11 + function->offset, size);
}

static CK_RV run_init(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	CK_RV (*call)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);

	(void)out;
	load_pointer(function, p11, &call, sizeof(call));
	return call(names->session, &draw->mechanism, names->object);
}

static CK_RV run_digest_init(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	(void)out;
	return p11->C_DigestInit(names->session, &draw->mechanism);
}

static CK_RV run_in_out(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	CK_RV (*call)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);

	load_pointer(function, p11, &call, sizeof(call));
	return call(names->session, draw->data, draw->len, draw->query_len ? NULL : out->bytes,
		&out->len);
}

static CK_RV run_in(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	CK_RV (*call)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG);

	(void)out;
	load_pointer(function, p11, &call, sizeof(call));
	return call(names->session, draw->data, draw->len);
}

static CK_RV run_out(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	CK_RV (*call)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);

	load_pointer(function, p11, &call, sizeof(call));
	return call(names->session, draw->query_len ? NULL : out->bytes, &out->len);
}

static CK_RV run_verify(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	(void)out;
	return p11->C_Verify(names->session, draw->data, draw->len, draw->last, draw->last_len);
}

static CK_RV run_create(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	return p11->C_CreateObject(
		names->session, draw->template, draw->template_count, &out->made);
}

static CK_RV run_copy(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	return p11->C_CopyObject(
		names->session, names->object, draw->template, draw->template_count, &out->made);
}

static CK_RV run_generate(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	return p11->C_GenerateKey(
		names->session, &draw->mechanism, draw->template, draw->template_count, &out->made);
}

static CK_RV run_unwrap(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	return p11->C_UnwrapKey(names->session, &draw->mechanism, names->object, draw->data,
		draw->len, draw->template, draw->template_count, &out->made);
}

static CK_RV run_derive(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	return p11->C_DeriveKey(names->session, &draw->mechanism, names->object, draw->template,
		draw->template_count, &out->made);
}

static CK_RV run_wrap(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	return p11->C_WrapKey(names->session, &draw->mechanism, names->object, names->other,
		draw->query_len ? NULL : out->bytes, &out->len);
}

static CK_RV run_destroy(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	(void)draw;
	(void)out;
	return p11->C_DestroyObject(names->session, names->object);
}

static CK_RV run_get(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	memcpy(out->values, draw->query, sizeof(out->values));
	for (CK_ULONG i = 0; i < draw->query_count; i++)
		if (out->values[i].pValue)
			out->values[i].pValue = out->bytes + i * LOCKSTEP_VALUE;
	return p11->C_GetAttributeValue(
		names->session, names->object, out->values, draw->query_count);
}

static CK_RV run_set(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	(void)out;
	return p11->C_SetAttributeValue(
		names->session, names->object, draw->template, draw->template_count);
}

static CK_RV run_find(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	CK_RV rv = p11->C_FindObjectsInit(names->session, draw->template, draw->template_count);

	if (rv != CKR_OK)
		return rv;
	rv = p11->C_FindObjects(names->session, out->found, LOCKSTEP_FOUND, &out->len);
	return rv == CKR_OK ? p11->C_FindObjectsFinal(names->session) : rv;
}

static CK_RV run_info(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	CK_SESSION_INFO info = { 0 };
	CK_RV rv = p11->C_GetSessionInfo(names->session, &info);

	(void)function;
	(void)draw;
	out->len = info.state;
	return rv;
}

static CK_RV run_close(const struct function *function, CK_FUNCTION_LIST *p11,
	const struct names *names, struct draw *draw, struct outcome *out)
{
	(void)function;
	(void)draw;
	(void)out;
	return p11->C_CloseSession(names->session);
}

#define AT(name) offsetof(CK_FUNCTION_LIST, C_##name)

const struct function lockstep_functions[] = {
	{ "EncryptInit", run_init, ENCRYPT, BEGINS, AT(EncryptInit) },
	{ "Encrypt", run_in_out, ENCRYPT, OUTPUT, AT(Encrypt) },
	{ "EncryptUpdate", run_in_out, ENCRYPT, OUTPUT, AT(EncryptUpdate) },
	{ "EncryptFinal", run_out, ENCRYPT, OUTPUT, AT(EncryptFinal) },
	{ "DecryptInit", run_init, DECRYPT, BEGINS, AT(DecryptInit) },
	{ "Decrypt", run_in_out, DECRYPT, OUTPUT, AT(Decrypt) },
	{ "DecryptUpdate", run_in_out, DECRYPT, OUTPUT, AT(DecryptUpdate) },
	{ "DecryptFinal", run_out, DECRYPT, OUTPUT, AT(DecryptFinal) },
	{ "DigestInit", run_digest_init, DIGEST, BEGINS, 0 },
	{ "Digest", run_in_out, DIGEST, OUTPUT, AT(Digest) },
	{ "DigestUpdate", run_in, DIGEST, 0, AT(DigestUpdate) },
	{ "DigestFinal", run_out, DIGEST, OUTPUT, AT(DigestFinal) },
	{ "SignInit", run_init, SIGN, BEGINS, AT(SignInit) },
	{ "Sign", run_in_out, SIGN, OUTPUT, AT(Sign) },
	{ "SignUpdate", run_in, SIGN, 0, AT(SignUpdate) },
	{ "SignFinal", run_out, SIGN, OUTPUT, AT(SignFinal) },
	{ "VerifyInit", run_init, VERIFY, BEGINS, AT(VerifyInit) },
	{ "Verify", run_verify, VERIFY, 0, 0 },
	{ "VerifyUpdate", run_in, VERIFY, 0, AT(VerifyUpdate) },
	{ "VerifyFinal", run_in, VERIFY, 0, AT(VerifyFinal) },
	{ "CreateObject", run_create, NONE, MAKES, 0 },
	{ "CopyObject", run_copy, NONE, MAKES, 0 },
	{ "GenerateKey", run_generate, NONE, MAKES, 0 },
	{ "UnwrapKey", run_unwrap, NONE, MAKES, 0 },
	{ "DeriveKey", run_derive, NONE, MAKES, 0 },
	{ "WrapKey", run_wrap, NONE, OUTPUT, 0 },
	{ "DestroyObject", run_destroy, NONE, CHANGES, 0 },
	{ "GetAttributeValue", run_get, NONE, VALUES, 0 },
	{ "SetAttributeValue", run_set, NONE, CHANGES, 0 },
	{ "FindObjects", run_find, NONE, FINDS, 0 },
	{ "GetSessionInfo", run_info, NONE, OUTPUT, 0 },
	{ "CloseSession", run_close, NONE, CLOSES, 0 },
};

const size_t lockstep_functions_count = ARRAY_LEN(lockstep_functions);
