/* SPDX-License-Identifier: Apache-2.0 */
/* C_Initialize, C_Finalize and the two functions that PKCS#11 keeps for history's sake. */
#include <iothsm/pkcs11-3.2.h>

#include "library.h"

/* Mutex callbacks come all or none; ours are never needed, since the module makes no threads. */
static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *arguments)
{
	int callbacks = (arguments->CreateMutex != NULL) + (arguments->DestroyMutex != NULL) +
			(arguments->LockMutex != NULL) + (arguments->UnlockMutex != NULL);

	if (arguments->pReserved || (callbacks != 0 && callbacks != 4))
		return CKR_ARGUMENTS_BAD;
	return CKR_OK;
}

CK_RV C_Initialize(void *init_args)
{
	if (init_args)
		TRY(check_arguments(init_args));
	return library_start();
}

CK_RV C_Finalize(void *reserved)
{
	if (reserved)
		return CKR_ARGUMENTS_BAD;
	return library_stop();
}

CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
	(void)session;
	TRY(library_check());
	return CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
	(void)session;
	TRY(library_check());
	return CKR_FUNCTION_NOT_PARALLEL;
}
