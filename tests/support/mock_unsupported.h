/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the mock library does not do, one of each prototype. */
#ifndef IOTHSM_MOCK_UNSUPPORTED_H
#define IOTHSM_MOCK_UNSUPPORTED_H

#include <iothsm/pkcs11-3.2.h>

static CK_RV no_in_out(
	CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	(void)session;
	(void)in;
	(void)in_len;
	(void)out;
	(void)out_len;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_in(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
	(void)session;
	(void)in;
	(void)in_len;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_out(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
	(void)session;
	(void)out;
	(void)out_len;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_key_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	(void)session;
	(void)mechanism;
	(void)key;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_digest_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
	(void)session;
	(void)mechanism;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_digest_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	(void)session;
	(void)key;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_object_size(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ULONG *len)
{
	(void)session;
	(void)key;
	(void)len;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_copy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *list,
	CK_ULONG count, CK_OBJECT_HANDLE *made)
{
	(void)session;
	(void)key;
	(void)list;
	(void)count;
	(void)made;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *list,
	CK_ULONG count, CK_OBJECT_HANDLE *made)
{
	(void)session;
	(void)mechanism;
	(void)list;
	(void)count;
	(void)made;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_generate_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_ATTRIBUTE *list, CK_ULONG count, CK_ATTRIBUTE *list2, CK_ULONG count2,
	CK_OBJECT_HANDLE *made, CK_OBJECT_HANDLE *made2)
{
	(void)session;
	(void)mechanism;
	(void)list;
	(void)count;
	(void)list2;
	(void)count2;
	(void)made;
	(void)made2;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_wrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
	CK_OBJECT_HANDLE key2, CK_BYTE *out, CK_ULONG *out_len)
{
	(void)session;
	(void)mechanism;
	(void)key;
	(void)key2;
	(void)out;
	(void)out_len;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_unwrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
	CK_BYTE *in, CK_ULONG in_len, CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *made)
{
	(void)session;
	(void)mechanism;
	(void)key;
	(void)in;
	(void)in_len;
	(void)list;
	(void)count;
	(void)made;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV no_derive(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
	CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *made)
{
	(void)session;
	(void)mechanism;
	(void)key;
	(void)list;
	(void)count;
	(void)made;
	return CKR_FUNCTION_NOT_SUPPORTED;
}

#define MOCK_UNSUPPORTED                                                                           \
	.C_Encrypt = no_in_out, .C_EncryptUpdate = no_in_out, .C_Decrypt = no_in_out,              \
	.C_DecryptUpdate = no_in_out, .C_Digest = no_in_out, .C_SignRecover = no_in_out,           \
	.C_VerifyRecover = no_in_out, .C_DigestEncryptUpdate = no_in_out,                          \
	.C_DecryptDigestUpdate = no_in_out, .C_SignEncryptUpdate = no_in_out,                      \
	.C_DecryptVerifyUpdate = no_in_out, .C_DigestUpdate = no_in, .C_SignUpdate = no_in,        \
	.C_VerifyUpdate = no_in, .C_VerifyFinal = no_in, .C_SeedRandom = no_in,                    \
	.C_EncryptFinal = no_out, .C_DecryptFinal = no_out, .C_DigestFinal = no_out,               \
	.C_SignFinal = no_out, .C_EncryptInit = no_key_init, .C_DecryptInit = no_key_init,         \
	.C_SignRecoverInit = no_key_init, .C_VerifyRecoverInit = no_key_init,                      \
	.C_DigestInit = no_digest_init, .C_DigestKey = no_digest_key,                              \
	.C_GetObjectSize = no_object_size, .C_CopyObject = no_copy, .C_GenerateKey = no_generate,  \
	.C_GenerateKeyPair = no_generate_pair, .C_WrapKey = no_wrap, .C_UnwrapKey = no_unwrap,     \
	.C_DeriveKey = no_derive

#endif
