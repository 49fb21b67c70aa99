/* SPDX-License-Identifier: Apache-2.0 */
/* The key rings of a configuration of libkmsp11. */
#ifndef IOTHSM_MIGRATE_KMS_H
#define IOTHSM_MIGRATE_KMS_H

#include "bytes.h"

enum { MIGRATE_RINGS_MAX = 16, MIGRATE_RING_NAME_MAX = 255, MIGRATE_KMS_TEXT_MAX = 64 * 1024 };

struct migrate_rings {
	size_t count;
	char names[MIGRATE_RINGS_MAX][MIGRATE_RING_NAME_MAX + 1];
};

/* From YAML, with any other settings passed over; false with the reason. */
bool migrate_kms_parse(struct bytes yaml, struct migrate_rings *rings, const char **reason);

/* projects/P/locations/L/keyRings/R, of the letters that such names have. */
bool migrate_kms_is_ring(struct bytes name);

#endif
