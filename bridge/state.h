/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives the process: the appliance's uuid, in state.json. */
#ifndef IOTHSM_STATE_H
#define IOTHSM_STATE_H

#include <iothsm/pkcs11-3.2.h>

#include "uuid.h"

struct state {
	char uuid[UUID_TEXT_LEN + 1];
};

/*
 * Reads <directory>/state.json, or makes a new one. A damaged file is kept aside as
 * state.json.damaged-<seconds> and reported, never overwritten. CKR_DEVICE_ERROR when nothing can
 * be read or written.
 */
CK_RV state_load(const char *directory, struct state *state);

#endif
