/* SPDX-License-Identifier: Apache-2.0 */
/* A list of CK_ATTRIBUTE that somebody else owns. */
#ifndef IOTHSM_ATTRIBUTES_H
#define IOTHSM_ATTRIBUTES_H

#include <iothsm/pkcs11-3.2.h>

struct attributes {
	CK_ATTRIBUTE *list;
	CK_ULONG count;
};

#endif
