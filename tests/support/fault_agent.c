/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the fault table: agents that end, are upgraded, lose their socket or their descriptors.
 */
#include "fault.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static CK_RV restart(int signal, const char *program, const char *configuration)
{
	fault_end_agent(signal);
	fault_start_agent(program, configuration);
	return fault_sign();
}

static CK_RV ended(void)
{
	return restart(SIGTERM, "iothsm-agent", "agent.conf");
}

static CK_RV killed(void)
{
	return restart(SIGKILL, "iothsm-agent", "agent.conf");
}

static CK_RV killed_inside(int signal)
{
	fault_begin_sign();
	fault_end_agent(signal);
	CK_RV rv = fault_end_sign();

	fault_start_agent("iothsm-agent", "agent.conf");
	return rv;
}

static CK_RV ended_inside_sign(void)
{
	return killed_inside(SIGTERM);
}

static CK_RV killed_inside_sign(void)
{
	return killed_inside(SIGKILL);
}

/* From here on the agent keeps the PIN, and the program logs in without one. */
static CK_RV log_in_by_kept_pin(void)
{
	fault_end_agent(SIGTERM);
	fault_start_agent("iothsm-agent", "kept.conf");
	fault.pin = NULL;
	return fault_login_and_sign();
}

static CK_RV ended_kept(void)
{
	return restart(SIGTERM, "iothsm-agent", "kept.conf");
}

static CK_RV killed_kept(void)
{
	return restart(SIGKILL, "iothsm-agent", "kept.conf");
}

static CK_RV upgraded(void)
{
	return restart(SIGTERM, "test_agent_newer", "kept.conf");
}

static CK_RV without_common_version(void)
{
	CK_TOKEN_INFO info;

	fault_end_agent(SIGTERM);
	fault_start_agent("test_agent_foreign", "kept.conf");
	return fault.p11->C_GetTokenInfo(fault.slot, &info);
}

static CK_RV common_version_returns(void)
{
	return restart(SIGTERM, "iothsm-agent", "kept.conf");
}

static CK_RV away(void)
{
	CK_SLOT_INFO info;

	fault_end_agent(SIGTERM);
	CK_RV rv = fault.p11->C_GetSlotInfo(fault.slot, &info);

	return rv == CKR_OK && !(info.flags & CKF_TOKEN_PRESENT) ? CKR_TOKEN_NOT_PRESENT : rv;
}

static CK_RV returns(void)
{
	fault_start_agent("iothsm-agent", "kept.conf");
	return fault_sign();
}

static bool socket_is_there(const void *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

static CK_RV socket_removed(void)
{
	const char *path = getenv("IOTHSM_AGENT_SOCKET");

	fault_must(unlink(path) == 0 && fault_await(socket_is_there, path), "a new socket");
	return fault_newcomer();
}

const struct fault agent_faults[] = {
	{ "agent ended and started", "C_Sign", CKR_USER_NOT_LOGGED_IN, ended, "C_Login, C_Sign",
		fault_login_and_sign },
	{ "agent killed and started", "C_Sign", CKR_USER_NOT_LOGGED_IN, killed, "C_Login, C_Sign",
		fault_login_and_sign },
	{ "agent ended inside C_Sign", "C_Sign", CKR_DEVICE_ERROR, ended_inside_sign,
		"C_Login, C_Sign", fault_login_and_sign },
	{ "agent killed inside C_Sign", "C_Sign", CKR_DEVICE_ERROR, killed_inside_sign,
		"C_Login, C_Sign", fault_login_and_sign },
	{ "agent ended, started with a kept PIN", "C_Login", CKR_OK, log_in_by_kept_pin, "C_Sign",
		fault_sign },
	{ "agent with kept PIN ended and started", "C_Sign", CKR_OK, ended_kept, "C_Sign",
		fault_sign },
	{ "agent with kept PIN killed and started", "C_Sign", CKR_OK, killed_kept, "C_Sign",
		fault_sign },
	{ "agent upgraded to a newer wire version", "C_Sign", CKR_OK, upgraded, "C_Sign",
		fault_sign },
	{ "agent without a common wire version", "C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT,
		without_common_version, "C_Sign, other agent", common_version_returns },
	{ "agent away", "C_GetSlotInfo", CKR_TOKEN_NOT_PRESENT, away, "C_Sign, agent back",
		returns },
	{ "socket removed", "newcomer's C_Sign", CKR_OK, socket_removed, "C_Sign", fault_sign },
};
const size_t agent_fault_count = sizeof(agent_faults) / sizeof(agent_faults[0]);
