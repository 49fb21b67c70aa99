/* SPDX-License-Identifier: Apache-2.0 */
/* Key generation that takes long: bounded for those without the right, and one at a time a user. */
#ifndef IOTHSM_EXPENSE_H
#define IOTHSM_EXPENSE_H

#include "call.h"

/* For keys that take longer than this client has a right to; otherwise CKR_OK. */
CK_RV expense_check(const struct request *request);

/* CKR_OK when it is this user's turn, until expense_end(); CKR_DEVICE_ERROR after minutes. */
CK_RV expense_begin(const struct request *request);
void expense_end(const struct request *request);

#endif
