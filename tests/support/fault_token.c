/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the fault table: a token that is removed and inserted again. */
#include "fault.h"

#include <poll.h>

static CK_RV info(void)
{
	CK_SESSION_INFO session;

	return fault.p11->C_GetSessionInfo(fault.session, &session);
}

static CK_RV removed(void)
{
	fault_set("gone");
	return fault_sign();
}

static CK_RV slot_is_empty(void)
{
	CK_SLOT_INFO slot;
	CK_RV rv = fault.p11->C_GetSlotInfo(fault.slot, &slot);

	return rv == CKR_OK && !(slot.flags & CKF_TOKEN_PRESENT) ? CKR_TOKEN_NOT_PRESENT : rv;
}

static CK_RV open_session(void)
{
	CK_SESSION_HANDLE session;

	return fault.p11->C_OpenSession(fault.slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
}

static CK_RV token_info(void)
{
	CK_TOKEN_INFO token;

	return fault.p11->C_GetTokenInfo(fault.slot, &token);
}

/* As a program would: again while the agent has not yet seen it. */
static CK_RV inserted(void)
{
	enum { TRIES = 200, NAP_MS = 100 };
	CK_RV rv = CKR_TOKEN_NOT_PRESENT;

	fault_clear("gone");
	for (int i = 0; i < TRIES && rv == CKR_TOKEN_NOT_PRESENT; i++) {
		if (i > 0)
			(void)poll(NULL, 0, NAP_MS);
		rv = fault_open();
	}
	return rv;
}

static CK_RV still_finalizable(void)
{
	return fault.p11->C_GetFunctionStatus(fault.session) == CKR_FUNCTION_NOT_PARALLEL
		       ? CKR_OK
		       : CKR_GENERAL_ERROR;
}

const struct fault token_faults[] = {
	{ "token removed, first call", "C_Sign", CKR_DEVICE_REMOVED, removed, "module alive",
		still_finalizable },
	{ "token removed, its session", "C_GetSessionInfo", CKR_SESSION_HANDLE_INVALID, info,
		"module alive", still_finalizable },
	{ "token removed, its slot", "C_GetSlotInfo", CKR_TOKEN_NOT_PRESENT, slot_is_empty,
		"module alive", still_finalizable },
	{ "token removed, a new session", "C_OpenSession", CKR_TOKEN_NOT_PRESENT, open_session,
		"module alive", still_finalizable },
	{ "token removed, its information", "C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, token_info,
		"module alive", still_finalizable },
	{ "token inserted again", "C_OpenSession, C_Login", CKR_OK, inserted, "C_Sign",
		fault_sign },
};
const size_t token_fault_count = sizeof(token_faults) / sizeof(token_faults[0]);
