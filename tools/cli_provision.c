/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioning mechanisms that work on an existing private key. */
#include "cli_provision.h"

#include <stdlib.h>

CK_RV cli_provision_sign(struct cli_session *session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type,
	struct bytes input, CK_BYTE **result, CK_ULONG *len)
{
	CK_FUNCTION_LIST *functions = session->cli->functions;
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE *data = (CK_BYTE *)(uintptr_t)input.data;

	TRY(functions->C_SignInit(session->handle, &mechanism, key));
	TRY(functions->C_Sign(session->handle, data, input.len, NULL, len));
	if (*len > CLI_PROVISION_RESULT_MAX)
		return CKR_DATA_LEN_RANGE;
	*result = calloc(1, *len + 1);
	if (!*result)
		return CKR_HOST_MEMORY;
	return functions->C_Sign(session->handle, data, input.len, *result, len);
}
