/* SPDX-License-Identifier: Apache-2.0 */
/* Which type of key a mechanism is for, where libraries do not all look before they use one. */
#ifndef IOTHSM_KEY_KIND_H
#define IOTHSM_KEY_KIND_H

#include <iothsm/pkcs11-3.2.h>

/*
 * CKR_KEY_TYPE_INCONSISTENT when a key of this class and type is not for the mechanism. A type that
 * is not known (CK_UNAVAILABLE_INFORMATION) and mechanisms that are not in the table are the
 * backend's to judge.
 */
CK_RV key_kind_check(CK_MECHANISM_TYPE mechanism, CK_OBJECT_CLASS class, CK_KEY_TYPE type);

#endif
