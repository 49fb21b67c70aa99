/* SPDX-License-Identifier: Apache-2.0 */
/* Names of rights, as agent.conf and the log write them. */
#ifndef IOTHSM_RIGHT_H
#define IOTHSM_RIGHT_H

#include <iothsm/iothsm.h>

#include "bytes.h"

/* What a name of agent.conf allows, IOTHSM_RIGHT_*; 0 for no such name. */
CK_FLAGS right_find(const char *name);

/* The name that would allow the first of these rights. */
const char *right_name_of(CK_FLAGS rights);

#endif
