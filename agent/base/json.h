/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside, bounded: 1 MiB, depth 16, no duplicate keys. */
#ifndef IOTHSM_JSON_H
#define IOTHSM_JSON_H

#include <jansson.h>

#include "bytes.h"

enum { JSON_TEXT_MAX = 1024 * 1024, JSON_DEPTH_MAX = 16 };

/* NULL for anything malformed, too large or too deep; any JSON value at the top is allowed. */
json_t *json_parse(struct bytes text);

/* The same with another bound on the size: a PubNub reply carries up to 100 messages of 32 KiB. */
json_t *json_parse_bounded(struct bytes text, size_t max);

/* The member as text, NULL when absent or of another type; belongs to the object. */
const char *json_text(const json_t *object, const char *key);

/* Compact UTF-8 without a line end, freed by the caller; NULL when out of memory. */
char *json_print(const json_t *value);

#endif
