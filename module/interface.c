/* SPDX-License-Identifier: Apache-2.0 */
/* The function tables of PKCS#11 2.40 to 3.2, the administration's, and how they are asked for. */
#include <iothsm/iothsm.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "bytes.h"
#include "library.h"

static CK_RV give_info(CK_VERSION version, CK_INFO *info)
{
	static const char library_version[] = IOTHSM_VERSION;

	TRY(library_check());
	if (!info)
		return CKR_ARGUMENTS_BAD;
	*info = (CK_INFO){ .cryptokiVersion = version };
	library_pad(info->manufacturerID, sizeof(info->manufacturerID), "iothsm");
	library_pad(info->libraryDescription, sizeof(info->libraryDescription),
		"iothsm PKCS#11 module");
	info->libraryVersion.major = (CK_BYTE)strtoul(library_version, NULL, 10);
	info->libraryVersion.minor = (CK_BYTE)strtoul(strchr(library_version, '.') + 1, NULL, 10);
	return CKR_OK;
}

/* A caller of an older table hears of the older version. */
static CK_RV get_info_2_40(CK_INFO *info)
{
	return give_info((CK_VERSION){ 2, 40 }, info);
}

static CK_RV get_info_3_0(CK_INFO *info)
{
	return give_info((CK_VERSION){ 3, 0 }, info);
}

static CK_RV get_info_3_1(CK_INFO *info)
{
	return give_info((CK_VERSION){ 3, 1 }, info);
}

CK_RV C_GetInfo(CK_INFO *info)
{
	return give_info((CK_VERSION){ 3, 2 }, info);
}

/* Each table is the beginning of the next. */
#define FUNCTIONS_2_40                                                                             \
	.C_Initialize = C_Initialize, .C_Finalize = C_Finalize,                                    \
	.C_GetFunctionList = C_GetFunctionList, .C_GetSlotList = C_GetSlotList,                    \
	.C_GetSlotInfo = C_GetSlotInfo, .C_GetTokenInfo = C_GetTokenInfo,                          \
	.C_GetMechanismList = C_GetMechanismList, .C_GetMechanismInfo = C_GetMechanismInfo,        \
	.C_InitToken = C_InitToken, .C_InitPIN = C_InitPIN, .C_SetPIN = C_SetPIN,                  \
	.C_OpenSession = C_OpenSession, .C_CloseSession = C_CloseSession,                          \
	.C_CloseAllSessions = C_CloseAllSessions, .C_GetSessionInfo = C_GetSessionInfo,            \
	.C_GetOperationState = C_GetOperationState, .C_SetOperationState = C_SetOperationState,    \
	.C_Login = C_Login, .C_Logout = C_Logout, .C_CreateObject = C_CreateObject,                \
	.C_CopyObject = C_CopyObject, .C_DestroyObject = C_DestroyObject,                          \
	.C_GetObjectSize = C_GetObjectSize, .C_GetAttributeValue = C_GetAttributeValue,            \
	.C_SetAttributeValue = C_SetAttributeValue, .C_FindObjectsInit = C_FindObjectsInit,        \
	.C_FindObjects = C_FindObjects, .C_FindObjectsFinal = C_FindObjectsFinal,                  \
	.C_EncryptInit = C_EncryptInit, .C_Encrypt = C_Encrypt,                                    \
	.C_EncryptUpdate = C_EncryptUpdate, .C_EncryptFinal = C_EncryptFinal,                      \
	.C_DecryptInit = C_DecryptInit, .C_Decrypt = C_Decrypt,                                    \
	.C_DecryptUpdate = C_DecryptUpdate, .C_DecryptFinal = C_DecryptFinal,                      \
	.C_DigestInit = C_DigestInit, .C_Digest = C_Digest, .C_DigestUpdate = C_DigestUpdate,      \
	.C_DigestKey = C_DigestKey, .C_DigestFinal = C_DigestFinal, .C_SignInit = C_SignInit,      \
	.C_Sign = C_Sign, .C_SignUpdate = C_SignUpdate, .C_SignFinal = C_SignFinal,                \
	.C_SignRecoverInit = C_SignRecoverInit, .C_SignRecover = C_SignRecover,                    \
	.C_VerifyInit = C_VerifyInit, .C_Verify = C_Verify, .C_VerifyUpdate = C_VerifyUpdate,      \
	.C_VerifyFinal = C_VerifyFinal, .C_VerifyRecoverInit = C_VerifyRecoverInit,                \
	.C_VerifyRecover = C_VerifyRecover, .C_DigestEncryptUpdate = C_DigestEncryptUpdate,        \
	.C_DecryptDigestUpdate = C_DecryptDigestUpdate,                                            \
	.C_SignEncryptUpdate = C_SignEncryptUpdate,                                                \
	.C_DecryptVerifyUpdate = C_DecryptVerifyUpdate, .C_GenerateKey = C_GenerateKey,            \
	.C_GenerateKeyPair = C_GenerateKeyPair, .C_WrapKey = C_WrapKey,                            \
	.C_UnwrapKey = C_UnwrapKey, .C_DeriveKey = C_DeriveKey, .C_SeedRandom = C_SeedRandom,      \
	.C_GenerateRandom = C_GenerateRandom, .C_GetFunctionStatus = C_GetFunctionStatus,          \
	.C_CancelFunction = C_CancelFunction, .C_WaitForSlotEvent = C_WaitForSlotEvent

#define FUNCTIONS_3_0                                                                              \
	FUNCTIONS_2_40,                                                                            \
		.C_GetInterfaceList = C_GetInterfaceList, .C_GetInterface = C_GetInterface,        \
		.C_LoginUser = C_LoginUser, .C_SessionCancel = C_SessionCancel,                    \
		.C_MessageEncryptInit = C_MessageEncryptInit,                                      \
		.C_EncryptMessage = C_EncryptMessage,                                              \
		.C_EncryptMessageBegin = C_EncryptMessageBegin,                                    \
		.C_EncryptMessageNext = C_EncryptMessageNext,                                      \
		.C_MessageEncryptFinal = C_MessageEncryptFinal,                                    \
		.C_MessageDecryptInit = C_MessageDecryptInit,                                      \
		.C_DecryptMessage = C_DecryptMessage,                                              \
		.C_DecryptMessageBegin = C_DecryptMessageBegin,                                    \
		.C_DecryptMessageNext = C_DecryptMessageNext,                                      \
		.C_MessageDecryptFinal = C_MessageDecryptFinal,                                    \
		.C_MessageSignInit = C_MessageSignInit, .C_SignMessage = C_SignMessage,            \
		.C_SignMessageBegin = C_SignMessageBegin, .C_SignMessageNext = C_SignMessageNext,  \
		.C_MessageSignFinal = C_MessageSignFinal,                                          \
		.C_MessageVerifyInit = C_MessageVerifyInit, .C_VerifyMessage = C_VerifyMessage,    \
		.C_VerifyMessageBegin = C_VerifyMessageBegin,                                      \
		.C_VerifyMessageNext = C_VerifyMessageNext,                                        \
		.C_MessageVerifyFinal = C_MessageVerifyFinal

#define FUNCTIONS_3_2                                                                              \
	FUNCTIONS_3_0, .C_EncapsulateKey = C_EncapsulateKey, .C_DecapsulateKey = C_DecapsulateKey, \
		       .C_VerifySignatureInit = C_VerifySignatureInit,                             \
		       .C_VerifySignature = C_VerifySignature,                                     \
		       .C_VerifySignatureUpdate = C_VerifySignatureUpdate,                         \
		       .C_VerifySignatureFinal = C_VerifySignatureFinal,                           \
		       .C_GetSessionValidationFlags = C_GetSessionValidationFlags,                 \
		       .C_AsyncComplete = C_AsyncComplete, .C_AsyncGetID = C_AsyncGetID,           \
		       .C_AsyncJoin = C_AsyncJoin,                                                 \
		       .C_WrapKeyAuthenticated = C_WrapKeyAuthenticated,                           \
		       .C_UnwrapKeyAuthenticated = C_UnwrapKeyAuthenticated

static CK_FUNCTION_LIST functions_2_40 = {
	.version = { 2, 40 }, .C_GetInfo = get_info_2_40, FUNCTIONS_2_40
};
static CK_FUNCTION_LIST_3_0 functions_3_0 = {
	.version = { 3, 0 }, .C_GetInfo = get_info_3_0, FUNCTIONS_3_0
};
static CK_FUNCTION_LIST_3_0 functions_3_1 = {
	.version = { 3, 1 }, .C_GetInfo = get_info_3_1, FUNCTIONS_3_0
};
static CK_FUNCTION_LIST_3_2 functions_3_2 = {
	.version = { 3, 2 }, .C_GetInfo = C_GetInfo, FUNCTIONS_3_2
};

static CK_UTF8CHAR standard_name[] = "PKCS 11";
static CK_UTF8CHAR admin_name[] = IOTHSM_ADMIN_INTERFACE;

/* The first one that fits is the default. */
static CK_INTERFACE interfaces[] = {
	{ (char *)standard_name, &functions_3_2, CKF_INTERFACE_FORK_SAFE },
	{ (char *)standard_name, &functions_3_1, CKF_INTERFACE_FORK_SAFE },
	{ (char *)standard_name, &functions_3_0, CKF_INTERFACE_FORK_SAFE },
	{ (char *)standard_name, &functions_2_40, CKF_INTERFACE_FORK_SAFE },
	{ (char *)admin_name, &admin_functions, CKF_INTERFACE_FORK_SAFE },
};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = &functions_2_40;
	return CKR_OK;
}

CK_RV C_GetInterfaceList(CK_INTERFACE *list, CK_ULONG *count)
{
	if (!count)
		return CKR_ARGUMENTS_BAD;
	CK_ULONG offered = *count;

	*count = ARRAY_LEN(interfaces);
	if (!list)
		return CKR_OK;
	if (offered < ARRAY_LEN(interfaces))
		return CKR_BUFFER_TOO_SMALL;
	memcpy(list, interfaces, sizeof(interfaces));
	return CKR_OK;
}

static bool interface_fits(const CK_INTERFACE *interface, const CK_UTF8CHAR *name,
	const CK_VERSION *version, CK_FLAGS flags)
{
	const CK_VERSION *own = interface->pFunctionList;
	const char *wanted = name ? (const char *)name : (const char *)standard_name;

	return strcmp(wanted, (const char *)interface->pInterfaceName) == 0 &&
	       (!version || (version->major == own->major && version->minor == own->minor)) &&
	       (flags & ~interface->flags) == 0;
}

CK_RV C_GetInterface(
	CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **interface, CK_FLAGS flags)
{
	if (!interface)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < ARRAY_LEN(interfaces); i++) {
		if (!interface_fits(&interfaces[i], name, version, flags))
			continue;
		*interface = &interfaces[i];
		return CKR_OK;
	}
	return CKR_FUNCTION_FAILED;
}
