/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioning mechanisms that work on an existing private key. */
#ifndef IOTHSM_CLI_PROVISION_H
#define IOTHSM_CLI_PROVISION_H

#include "cli_object.h"

enum { CLI_PROVISION_RESULT_MAX = 1024 * 1024 };

/* One C_SignInit and C_Sign; the result is freed by the caller also after a failure. Silent: the
 * caller knows what it was for. */
CK_RV cli_provision_sign(struct cli_session *session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type,
	struct bytes input, CK_BYTE **result, CK_ULONG *len);

#endif
