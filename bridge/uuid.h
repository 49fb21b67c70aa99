/* SPDX-License-Identifier: Apache-2.0 */
/* Random (version 4) UUIDs, RFC 9562. */
#ifndef IOTHSM_UUID_H
#define IOTHSM_UUID_H

#include <stdbool.h>

enum { UUID_TEXT_LEN = 36 };

/* Lower case with hyphens; false when the random generator fails. */
bool uuid_make(char out[UUID_TEXT_LEN + 1]);

bool uuid_is_valid(const char *text);

#endif
