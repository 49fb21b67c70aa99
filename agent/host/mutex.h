/* SPDX-License-Identifier: Apache-2.0 */
/* Mutex callbacks for the backend's C_Initialize: a short spin, then block. */
#ifndef IOTHSM_MUTEX_H
#define IOTHSM_MUTEX_H

#include <iothsm/pkcs11-3.2.h>

CK_RV mutex_create(void **mutex);
CK_RV mutex_destroy(void *mutex);
CK_RV mutex_lock(void *mutex);
CK_RV mutex_unlock(void *mutex);

#endif
