/* SPDX-License-Identifier: Apache-2.0 */
/* SoftHSM2 with a watch at its door: a PKCS#11 library that ends its token host when a call that
 * has to be alone is not. */
#include <dlfcn.h>
#include <iothsm/pkcs11-3.2.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

enum {
	LINGER = 20, /* chances for another thread to come in */
	VIOLATED = 70
};

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST watched;
static bool serial;              /* every call has to be alone */
static atomic_int inside, alone; /* calls, and those of them that have to be alone */
static atomic_int most;

static void check(const char *what, bool be_alone)
{
	if (atomic_load(&inside) == 1 || (!be_alone && atomic_load(&alone) == 0))
		return;
	(void)fprintf(stderr, "watched: %s is not alone\n", what);
	_exit(VIOLATED);
}

static void enter(const char *what, bool administers)
{
	bool be_alone = administers || serial;

	if (be_alone)
		(void)atomic_fetch_add(&alone, 1);
	int now = atomic_fetch_add(&inside, 1) + 1;

	if (now > atomic_load(&most))
		atomic_store(&most, now);
	for (int i = 0; i < LINGER; i++) {
		check(what, be_alone);
		(void)sched_yield();
	}
}

static CK_RV leave(bool administers, CK_RV rv)
{
	(void)atomic_fetch_sub(&inside, 1);
	if (administers || serial)
		(void)atomic_fetch_sub(&alone, 1);
	return rv;
}

static CK_RV watch_open(CK_SLOT_ID slot, CK_FLAGS flags, void *context, CK_NOTIFY notify,
	CK_SESSION_HANDLE *session)
{
	enter("C_OpenSession", false);
	return leave(false, real->C_OpenSession(slot, flags, context, notify, session));
}

static CK_RV watch_close(CK_SESSION_HANDLE session)
{
	enter("C_CloseSession", false);
	return leave(false, real->C_CloseSession(session));
}

static CK_RV watch_find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	enter("C_FindObjectsInit", false);
	return leave(false, real->C_FindObjectsInit(session, attributes, count));
}

static CK_RV watch_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	enter("C_GetAttributeValue", false);
	return leave(false, real->C_GetAttributeValue(session, object, attributes, count));
}

static CK_RV watch_sign_init(
	CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	enter("C_SignInit", false);
	return leave(false, real->C_SignInit(session, mechanism, key));
}

static CK_RV watch_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len,
	CK_BYTE *signature, CK_ULONG *len)
{
	enter("C_Sign", false);
	return leave(false, real->C_Sign(session, data, data_len, signature, len));
}

static CK_RV watch_login(
	CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	enter("C_Login", true);
	return leave(true, real->C_Login(session, user, pin, pin_len));
}

static CK_RV watch_logout(CK_SESSION_HANDLE session)
{
	enter("C_Logout", true);
	return leave(true, real->C_Logout(session));
}

static CK_RV watch_init_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	enter("C_InitPIN", true);
	return leave(true, real->C_InitPIN(session, pin, pin_len));
}

static CK_RV watch_set_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *old_pin, CK_ULONG old_len,
	CK_UTF8CHAR *new_pin, CK_ULONG new_len)
{
	enter("C_SetPIN", true);
	return leave(true, real->C_SetPIN(session, old_pin, old_len, new_pin, new_len));
}

static CK_RV watch_finalize(void *reserved)
{
	(void)fprintf(stderr, "watched: at most %d inside\n", atomic_load(&most));
	return real->C_Finalize(reserved);
}

static CK_RV load(void)
{
	void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
	const char *mode = getenv("IOTHSM_WATCHED");
	CK_C_GetFunctionList get;

	if (!library)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	serial = mode && strcmp(mode, "serial") == 0;
	return get(&real);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	CK_RV rv = real ? CKR_OK : load();

	if (rv != CKR_OK)
		return rv;
	watched = *real;
	watched.C_OpenSession = watch_open;
	watched.C_CloseSession = watch_close;
	watched.C_FindObjectsInit = watch_find_init;
	watched.C_GetAttributeValue = watch_attribute;
	watched.C_SignInit = watch_sign_init;
	watched.C_Sign = watch_sign;
	watched.C_Login = watch_login;
	watched.C_Logout = watch_logout;
	watched.C_InitPIN = watch_init_pin;
	watched.C_SetPIN = watch_set_pin;
	watched.C_Finalize = watch_finalize;
	*list = &watched;
	return CKR_OK;
}
