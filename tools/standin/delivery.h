/* SPDX-License-Identifier: Apache-2.0 */
/* The last revocation lists that appliances delivered, kept for download. */
#ifndef IOTHSM_STANDIN_DELIVERY_H
#define IOTHSM_STANDIN_DELIVERY_H

#include "bytes.h"

enum { DELIVERY_KEPT_MAX = 256 };

struct delivery_box {
	struct delivery {
		char *siguuid;
		char *pem;
	} kept[DELIVERY_KEPT_MAX];
	size_t count; /* ever kept; a ring */
};

bool delivery_keep(struct delivery_box *box, const char *siguuid, const char *pem);

/* The newest under this siguuid, belongs to the box; NULL when there is none. */
const char *delivery_find(const struct delivery_box *box, const char *siguuid);

void delivery_reset(struct delivery_box *box);

#endif
