/* SPDX-License-Identifier: Apache-2.0 */
/* SoftHSM2 with faults on demand: files in $FAULTY_DIR say what hangs and whether the token is
 * gone. */
#include <dlfcn.h>
#include <iothsm/pkcs11-3.2.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static CK_FUNCTION_LIST real, faulty;

static const char *path_of(const char *call, const char *what, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/%s%s", getenv("FAULTY_DIR"), call, what);
	return path;
}

static bool is_set(const char *call, const char *what)
{
	char path[PATH_MAX];

	return access(path_of(call, what, path), F_OK) == 0;
}

/* One byte a call: how often it was made can be counted. */
static void note(const char *call, const char *what)
{
	char path[PATH_MAX];
	FILE *file = fopen(path_of(call, what, path), "a");

	if (!file)
		return;
	(void)fputc('.', file);
	(void)fclose(file);
}

static CK_RV meet(const char *call)
{
	const struct timespec moment = { 0, 5 * 1000 * 1000 };

	if (is_set(call, ".hang"))
		note(call, ".met");
	while (is_set(call, ".hang"))
		(void)nanosleep(&moment, NULL);
	return is_set("gone", "") ? CKR_DEVICE_REMOVED : CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = real.C_GetSlotInfo(slot, info);

	if (rv == CKR_OK && is_set("gone", ""))
		info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
	return rv;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
	CK_SESSION_HANDLE *session)
{
	CK_RV rv = meet("C_OpenSession");

	return rv == CKR_OK ? real.C_OpenSession(slot, flags, application, notify, session) : rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	note("C_Login", ".count");
	CK_RV rv = meet("C_Login");

	return rv == CKR_OK ? real.C_Login(session, user, pin, len) : rv;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_RV rv = meet("C_FindObjectsInit");

	return rv == CKR_OK ? real.C_FindObjectsInit(session, list, count) : rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = meet("C_SignInit");

	return rv == CKR_OK ? real.C_SignInit(session, mechanism, key) : rv;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature,
	CK_ULONG *signature_len)
{
	CK_RV rv = meet("C_Sign");

	return rv == CKR_OK ? real.C_Sign(session, data, len, signature, signature_len) : rv;
}

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	void *library = dlopen(TEST_SOFTHSM, RTLD_NOW | RTLD_LOCAL);
	CK_FUNCTION_LIST *functions = NULL;
	CK_C_GetFunctionList get = NULL;

	if (library && getenv("FAULTY_DIR"))
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get || get(&functions) != CKR_OK)
		return CKR_GENERAL_ERROR;
	real = faulty = *functions;
	faulty.C_GetFunctionList = C_GetFunctionList;
	faulty.C_GetSlotInfo = get_slot_info;
	faulty.C_OpenSession = open_session;
	faulty.C_Login = login;
	faulty.C_FindObjectsInit = find_objects_init;
	faulty.C_SignInit = sign_init;
	faulty.C_Sign = sign;
	*list = &faulty;
	return CKR_OK;
}
