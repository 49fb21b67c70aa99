/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may do, as the front said; each refusal is logged with what would allow it. */
#ifndef IOTHSM_PERMIT_H
#define IOTHSM_PERMIT_H

#include <iothsm/iothsm.h>

#include "call.h"

/* CKR_IOTHSM_POLICY unless the client has all of these rights, CKR_FUNCTION_REJECTED for
 * administration. */
CK_RV permit_rights(const struct request *request, CK_FLAGS rights);

/* CKR_MECHANISM_INVALID when the client's list of mechanisms lacks it: the token is for this client
 * one that has no such mechanism. */
CK_RV permit_mechanism(const struct request *request, CK_MECHANISM_TYPE type);

/* The same question without a word in the log. */
bool permit_has_mechanism(struct client *client, CK_MECHANISM_TYPE type);

#endif
