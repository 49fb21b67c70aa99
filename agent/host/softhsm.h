/* SPDX-License-Identifier: Apache-2.0 */
/* What PKCS#11 has no call for and SoftHSM2 does by its own program, softhsm2-util. */
#ifndef IOTHSM_SOFTHSM_H
#define IOTHSM_SOFTHSM_H

#include "token.h"

bool softhsm_is_maker(struct token *token);

/* CKR_FUNCTION_FAILED after the reason was logged. */
CK_RV softhsm_delete_token(const char *serial);

/* Before C_Initialize: remembers what is in the token directory, and watches it as configured. */
void softhsm_look_out(struct host *host);

/* Around what the host itself changes in the directory: no news to it. */
void softhsm_begin_change(struct host *host);
void softhsm_end_change(struct host *host, const char *serial);

/*
 * Whether other processes made, changed or deleted tokens since C_Initialize, the only time
 * SoftHSM2 reads its directory; false when the library is another one or it cannot be told.
 */
bool softhsm_is_outdated(struct host *host);

#endif
