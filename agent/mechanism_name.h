/* SPDX-License-Identifier: Apache-2.0 */
/* Names of mechanisms, as agent.conf and the log write them. */
#ifndef IOTHSM_MECHANISM_NAME_H
#define IOTHSM_MECHANISM_NAME_H

#include <iothsm/pkcs11-3.2.h>
#include <stdbool.h>

#include "bytes.h"

/* A name like CKM_ECDSA, or a number like 0x1041; false when it is neither. */
bool mechanism_name_find(const char *text, CK_MECHANISM_TYPE *type);

/* NULL for one without a name, a vendor's for instance. */
const char *mechanism_name_of(CK_MECHANISM_TYPE type);

#endif
