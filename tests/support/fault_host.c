/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the fault table: token hosts that crash or hang, idle and inside a call. */
#include "fault.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static CK_RV killed_idle(void)
{
	fault_kill_host();
	return fault_sign();
}

static CK_RV killed_inside_sign(void)
{
	fault_begin_sign();
	fault_kill_host();
	return fault_end_sign();
}

static CK_RV begin(void)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };

	return fault.p11->C_SignInit(fault.session, &mechanism, fault.key);
}

static CK_RV finish(void)
{
	CK_BYTE data[32] = { 1 };
	CK_BYTE signature[64];
	CK_ULONG len = sizeof(signature);

	return fault.p11->C_Sign(fault.session, data, sizeof(data), signature, &len);
}

/* The same mechanism and key as before: C_SignInit still waits in the module. */
static CK_RV killed_after_init(void)
{
	fault_must(begin() == CKR_OK, "C_SignInit");
	fault_kill_host();
	return finish();
}

/* Data that the host had is lost with it. */
static CK_RV killed_amid_parts(void)
{
	CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
	CK_BYTE data[32] = { 1 };

	fault_must(fault.p11->C_DigestInit(fault.session, &mechanism) == CKR_OK &&
			   fault.p11->C_DigestUpdate(fault.session, data, sizeof(data)) == CKR_OK,
		"C_DigestUpdate");
	fault_kill_host();
	return fault.p11->C_DigestUpdate(fault.session, data, sizeof(data));
}

static CK_RV find_begin(void)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };

	return fault.p11->C_FindObjectsInit(fault.session, &template, 1);
}

static CK_RV find_end(CK_RV rv)
{
	CK_OBJECT_HANDLE found = 0;
	CK_ULONG count = 0;

	if (rv == CKR_OK)
		rv = fault.p11->C_FindObjects(fault.session, &found, 1, &count);
	(void)fault.p11->C_FindObjectsFinal(fault.session);
	return rv == CKR_OK && (count != 1 || found != fault.key) ? CKR_OBJECT_HANDLE_INVALID : rv;
}

static CK_RV killed_inside_find(void)
{
	fault_set("C_FindObjectsInit.hang");
	pid_t killer = fork();

	if (killer == 0) {
		fault_await_file("C_FindObjectsInit.met");
		fault_clear("C_FindObjectsInit.hang");
		_exit(kill(fault_host(), SIGKILL) == 0 ? 0 : 1);
	}
	CK_RV rv = find_end(find_begin());

	fault_must(fault_result_of(killer) == CKR_OK, "kill the host inside C_FindObjectsInit");
	return rv;
}

static CK_RV killed_amid_find(void)
{
	fault_must(find_begin() == CKR_OK, "C_FindObjectsInit");
	fault_kill_host();
	return find_end(CKR_OK);
}

/* The library never returns: the watchdog of the host ends it. */
static CK_RV library_hangs(void)
{
	fault_begin_sign();
	fault_must(fault_agent_says("a call of the backend hangs", 1), "the watchdog");
	return fault_end_sign();
}

static bool is_stopped(const void *pid)
{
	char path[64], name[64], state = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)*(const pid_t *)pid);
	FILE *file = fopen(path, "r");

	fault_must(file && fscanf(file, "%*d %63s %c", name, &state) == 2, path);
	(void)fclose(file);
	return state == 'T';
}

/* Its watchdog is stopped too: the agent ends it. The call was never read, so it is sent again. */
static CK_RV host_is_stopped(void)
{
	pid_t host = fault_host();

	fault_must(kill(host, SIGSTOP) == 0 && fault_await(is_stopped, &host), "stop the host");
	return fault_sign();
}

static CK_RV info(void)
{
	CK_SESSION_INFO session;

	return fault.p11->C_GetSessionInfo(fault.session, &session);
}

/* Each host hangs in the login by ticket that the module asks for: soon no PIN is tried any more.
 */
static CK_RV login_hangs_each_time(void)
{
	fault_clear("C_Login.count");
	fault_set("C_Login.hang");
	fault_kill_host();
	CK_RV rv = CKR_DEVICE_ERROR;

	/* On a slow machine the agent's patience with a host outlasts the module's with the agent.
	 */
	for (int i = 0; i < 3 && rv == CKR_DEVICE_ERROR; i++)
		rv = fault_sign();
	fault_clear("C_Login.hang");
	fault_must(fault_count("C_Login.count") <= 2, "a PIN is tried again and again");
	return rv;
}

static CK_RV wrong_pin(void)
{
	CK_UTF8CHAR wrong[] = "000000";

	fault_must(fault.p11->C_Logout(fault.session) == CKR_OK, "C_Logout");
	fault_clear("C_Login.count");
	CK_RV rv = fault.p11->C_Login(fault.session, CKU_USER, wrong, sizeof(wrong) - 1);

	fault_kill_host();
	fault_must(info() == CKR_OK, "C_GetSessionInfo");
	fault_must(fault_count("C_Login.count") == 1, "a wrong PIN is replayed");
	return rv;
}

const struct fault host_faults[] = {
	{ "library hangs in C_Sign", "C_Sign", CKR_DEVICE_ERROR, library_hangs, "C_Sign",
		fault_sign },
	{ "host killed, idle", "C_Sign", CKR_OK, killed_idle, "C_Sign", fault_sign },
	{ "host killed inside C_Sign", "C_Sign", CKR_DEVICE_ERROR, killed_inside_sign, "C_Sign",
		fault_sign },
	{ "host killed after C_SignInit", "C_Sign", CKR_OK, killed_after_init, "C_Sign",
		fault_sign },
	{ "host killed between two parts", "C_DigestUpdate", CKR_DEVICE_ERROR, killed_amid_parts,
		"C_Sign", fault_sign },
	{ "host killed inside C_FindObjectsInit", "C_FindObjects", CKR_OK, killed_inside_find,
		"C_Sign", fault_sign },
	{ "host killed after C_FindObjectsInit", "C_FindObjects", CKR_OK, killed_amid_find,
		"C_Sign", fault_sign },
	{ "wrong PIN, then host killed", "C_Login", CKR_PIN_INCORRECT, wrong_pin, "C_Login, C_Sign",
		fault_login_and_sign },
};
const size_t host_fault_count = sizeof(host_faults) / sizeof(host_faults[0]);

/* A second hang in a row would cost the login: see the last row. */
const struct fault hang_faults[] = {
	{ "host stopped (SIGSTOP)", "C_Sign", CKR_OK, host_is_stopped, "C_Sign", fault_sign },
	{ "library hangs in every C_Login", "C_Sign", CKR_USER_NOT_LOGGED_IN, login_hangs_each_time,
		"C_Login, C_Sign", fault_login_and_sign },
};
const size_t hang_fault_count = sizeof(hang_faults) / sizeof(hang_faults[0]);
