/* SPDX-License-Identifier: Apache-2.0 */
/* The last revocation lists that appliances delivered, kept for download. */
#include "delivery.h"

#include <stdlib.h>

#include "cleanup.h"

bool delivery_keep(struct delivery_box *box, const char *siguuid, const char *pem)
{
	CLEANUP(free) char *siguuid_copy = strdup(siguuid);
	CLEANUP(free) char *pem_copy = strdup(pem);
	struct delivery *place = &box->kept[box->count % DELIVERY_KEPT_MAX];

	if (!siguuid_copy || !pem_copy)
		return false;
	free(place->siguuid);
	free(place->pem);
	*place = (struct delivery){ steal(&siguuid_copy), steal(&pem_copy) };
	box->count++;
	return true;
}

const char *delivery_find(const struct delivery_box *box, const char *siguuid)
{
	size_t oldest = box->count > DELIVERY_KEPT_MAX ? box->count - DELIVERY_KEPT_MAX : 0;

	for (size_t n = box->count; n > oldest; n--) {
		const struct delivery *delivery = &box->kept[(n - 1) % DELIVERY_KEPT_MAX];

		if (strcmp(delivery->siguuid, siguuid) == 0)
			return delivery->pem;
	}
	return NULL;
}

void delivery_reset(struct delivery_box *box)
{
	for (size_t i = 0; i < DELIVERY_KEPT_MAX; i++) {
		free(box->kept[i].siguuid);
		free(box->kept[i].pem);
	}
	*box = (struct delivery_box){ 0 };
}
