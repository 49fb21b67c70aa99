/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that came with PKCS#11 3.2: every slot of the table answers, none is supported yet.
 */
#include <iothsm/pkcs11-3.2.h>

#include "library.h"

/* No argument matters to a function that is not supported. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static CK_RV not_supported(void)
{
	TRY(library_check());
	return CKR_FUNCTION_NOT_SUPPORTED;
}

CK_RV C_EncapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE public_key, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_BYTE *ciphertext,
	CK_ULONG *ciphertext_len, CK_OBJECT_HANDLE *key)
{
	return not_supported();
}

CK_RV C_DecapsulateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE private_key, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_BYTE *ciphertext,
	CK_ULONG ciphertext_len, CK_OBJECT_HANDLE *key)
{
	return not_supported();
}

CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE key, CK_BYTE *signature, CK_ULONG signature_len)
{
	return not_supported();
}

CK_RV C_VerifySignature(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len)
{
	return not_supported();
}

CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	return not_supported();
}

CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE session)
{
	return not_supported();
}

CK_RV C_GetSessionValidationFlags(
	CK_SESSION_HANDLE session, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS *flags)
{
	return not_supported();
}

CK_RV C_AsyncComplete(CK_SESSION_HANDLE session, CK_UTF8CHAR *function_name, CK_ASYNC_DATA *result)
{
	return not_supported();
}

CK_RV C_AsyncGetID(CK_SESSION_HANDLE session, CK_UTF8CHAR *function_name, CK_ULONG *id)
{
	return not_supported();
}

CK_RV C_AsyncJoin(CK_SESSION_HANDLE session, CK_UTF8CHAR *function_name, CK_ULONG id, CK_BYTE *data,
	CK_ULONG data_len)
{
	return not_supported();
}

CK_RV C_WrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key, CK_BYTE *associated_data,
	CK_ULONG associated_data_len, CK_BYTE *wrapped_key, CK_ULONG *wrapped_key_len)
{
	return not_supported();
}

CK_RV C_UnwrapKeyAuthenticated(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *wrapped_key, CK_ULONG wrapped_key_len,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_BYTE *associated_data,
	CK_ULONG associated_data_len, CK_OBJECT_HANDLE *key)
{
	return not_supported();
}
