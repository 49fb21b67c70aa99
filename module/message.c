/* SPDX-License-Identifier: Apache-2.0 */
/* The message functions of PKCS#11 3.0: every slot of the table answers, none is supported yet. */
#include <iothsm/pkcs11-3.2.h>

#include "library.h"

/* No argument matters to a function that is not supported. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static CK_RV not_supported(void)
{
	TRY(library_check());
	return CKR_FUNCTION_NOT_SUPPORTED;
}

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported();
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *associated_data, CK_ULONG associated_data_len, CK_BYTE *plaintext,
	CK_ULONG plaintext_len, CK_BYTE *ciphertext, CK_ULONG *ciphertext_len)
{
	return not_supported();
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *associated_data, CK_ULONG associated_data_len)
{
	return not_supported();
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *plaintext_part, CK_ULONG plaintext_part_len, CK_BYTE *ciphertext_part,
	CK_ULONG *ciphertext_part_len, CK_FLAGS flags)
{
	return not_supported();
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE session)
{
	return not_supported();
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported();
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *associated_data, CK_ULONG associated_data_len, CK_BYTE *ciphertext,
	CK_ULONG ciphertext_len, CK_BYTE *plaintext, CK_ULONG *plaintext_len)
{
	return not_supported();
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *associated_data, CK_ULONG associated_data_len)
{
	return not_supported();
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *ciphertext_part, CK_ULONG ciphertext_part_len, CK_BYTE *plaintext_part,
	CK_ULONG *plaintext_part_len, CK_FLAGS flags)
{
	return not_supported();
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE session)
{
	return not_supported();
}

CK_RV C_MessageSignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported();
}

CK_RV C_SignMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	return not_supported();
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)
{
	return not_supported();
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	return not_supported();
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE session)
{
	return not_supported();
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return not_supported();
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	return not_supported();
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)
{
	return not_supported();
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
	CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	return not_supported();
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE session)
{
	return not_supported();
}
