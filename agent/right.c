/* SPDX-License-Identifier: Apache-2.0 */
/* Names of rights, as agent.conf and the log write them. */
#include "right.h"

#include <string.h>

/* In the order in which a missing right is named; use is the wider name of several. */
static const struct {
	const char *name;
	CK_FLAGS asks, allows;
} rights[] = {
	{ "use", IOTHSM_RIGHT_USE, IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN | IOTHSM_RIGHT_DECRYPT },
	{ "sign", IOTHSM_RIGHT_SIGN, IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN },
	{ "decrypt", IOTHSM_RIGHT_DECRYPT, IOTHSM_RIGHT_USE | IOTHSM_RIGHT_DECRYPT },
	{ "generate", IOTHSM_RIGHT_GENERATE, IOTHSM_RIGHT_GENERATE },
	{ "destroy", IOTHSM_RIGHT_DESTROY, IOTHSM_RIGHT_DESTROY },
	{ "so", IOTHSM_RIGHT_SO, IOTHSM_RIGHT_SO },
	{ "admin", IOTHSM_RIGHT_ADMIN, IOTHSM_RIGHT_ADMIN },
};

CK_FLAGS right_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		if (strcmp(rights[i].name, name) == 0)
			return rights[i].allows;
	return 0;
}

const char *right_name_of(CK_FLAGS missing)
{
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		if (missing & rights[i].asks)
			return rights[i].name;
	return "?";
}
