/* SPDX-License-Identifier: Apache-2.0 */
/* The encrypted PIN file of an IoT-HSM appliance. */
#ifndef IOTHSM_MIGRATE_PINS_H
#define IOTHSM_MIGRATE_PINS_H

#include <jansson.h>

#include "bytes.h"
#include "secret.h"

enum { MIGRATE_PINS_TEXT_MAX = 64 * 1024 };

/* The machine id of a file's first line as the appliance used it: 32 hex digits get dashes, another
 * text stays. False with errno set. */
bool migrate_pins_read_machine(struct secret *machine, const char *path);

/* {"<serial>": {"USERPIN": …, "SOPIN": …}}, for migrate_pins_wipe(); NULL and the reason. */
json_t *migrate_pins_open(struct bytes hex, const struct secret *machine, const char **reason);

/* Overwrites every text in it and frees it; NULL is fine. */
void migrate_pins_wipe(json_t *pins);

/* A member as a PIN that one line can hold; NULL when there is none. */
const char *migrate_pins_text(const json_t *token, const char *key);

#endif
