/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives the process: the appliance's uuid, in state.json. */
#ifndef IOTHSM_STATE_H
#define IOTHSM_STATE_H

#include <iothsm/pkcs11-3.2.h>

#include "bytes.h"
#include "uuid.h"

enum { STATE_TEXT_MAX = 1024 * 1024, STATE_PRINT_MAX = 128 };

struct state {
	char uuid[UUID_TEXT_LEN + 1];
};

/*
 * Reads <directory>/state.json, or makes a new one. A damaged file is kept aside as
 * state.json.damaged-<seconds> and reported, never overwritten. CKR_DEVICE_ERROR when nothing can
 * be read or written.
 */
CK_RV state_load(const char *directory, struct state *state);

/* From the text of such a file, with whatever else it holds; false when it has no valid uuid. */
bool state_parse(struct bytes text, struct state *state);

/* What state.json holds; out has STATE_PRINT_MAX bytes. */
void state_print(char *out, const struct state *state);

#endif
