/* SPDX-License-Identifier: Apache-2.0 */
/* Input longer than a frame, sent in parts wherever the standard has a call for parts. */
#ifndef IOTHSM_SPLIT_H
#define IOTHSM_SPLIT_H

#include "invoke.h"

/* True for input that does not travel in one frame. */
bool split_is_needed(CK_ULONG len);

/* An Update without output, C_VerifyUpdate for instance. */
CK_RV split_in(Function update, CK_SESSION_HANDLE session, struct bytes input);

/* C_Verify as Update and Final. */
CK_RV split_verify(CK_SESSION_HANDLE session, struct bytes input, struct bytes signature);

/*
 * One-part functions as Update and Final, and Updates with output as many. The length query and
 * CKR_BUFFER_TOO_SMALL come before anything is sent. CKR_DATA_LEN_RANGE where neither the function
 * nor the mechanism knows parts.
 */
CK_RV split_in_out(Function function, CK_SESSION_HANDLE session, struct bytes input, CK_BYTE *out,
	CK_ULONG *out_len);

#endif
