/* SPDX-License-Identifier: Apache-2.0 */
/* The administration interface of this module. */
#ifndef IOTHSM_ADMIN_H
#define IOTHSM_ADMIN_H

#include <iothsm/iothsm.h>

extern struct iothsm_admin admin_functions;

#endif
