/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program that links the module: names the library and every token. */
#include <iothsm/iothsm.h>
#include <stdio.h>

int main(void)
{
	CK_INFO info;
	CK_SLOT_ID slots[64];
	CK_ULONG count = 64;

	if (C_Initialize(NULL) != CKR_OK || C_GetInfo(&info) != CKR_OK ||
		C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return 1;
	(void)printf("manufacturer %.32s\n", info.manufacturerID);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO token;

		if (C_GetTokenInfo(slots[i], &token) != CKR_OK)
			return 1;
		(void)printf("token %.32s\n", token.label);
	}
	return C_Finalize(NULL) == CKR_OK ? 0 : 1;
}
