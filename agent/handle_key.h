/* SPDX-License-Identifier: Apache-2.0 */
/* The key of durable object handles, the same over restarts: programs go on with those they have.
 */
#ifndef IOTHSM_HANDLE_KEY_H
#define IOTHSM_HANDLE_KEY_H

#include <iothsm/pkcs11-3.2.h>
#include <stdint.h>

#include "link.h"

/* From the state directory, made there when it is not; one that cannot be stored lasts until the
 * agent ends. */
CK_RV handle_key_load(uint8_t key[LINK_KEY_LEN], const char *state);

#endif
