/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that lie on a token without the private key that would make a CA of them. */
#include "remnant.h"

#include <string.h>

#include "certificate.h"

static bool has(const struct remnants *remnants, const char *thumbprint)
{
	for (size_t i = 0; i < remnants->count; i++) {
		if (strcmp(remnants->items[i].thumbprint, thumbprint) == 0)
			return true;
	}
	return false;
}

void remnants_add(struct remnants *remnants, const struct hsm_found *found)
{
	struct remnant remnant = { .token = found->token, .lack = found->lack };

	if (remnants->count == REMNANTS_MAX ||
		!certificate_thumbprint(found->cert, remnant.thumbprint) ||
		has(remnants, remnant.thumbprint))
		return;
	subject_write(found->cert, remnant.subject);
	remnants->items[remnants->count++] = remnant;
}

void remnants_settle(struct remnants *remnants, struct remnants *fresh, struct hsm *hsm)
{
	for (size_t i = 0; i < remnants->count && fresh->count < REMNANTS_MAX; i++) {
		const struct remnant *before = &remnants->items[i];
		struct hsm_token_status status;
		bool read = hsm_token_status(hsm, before->token, &status) && status.ready;

		if (!read && !has(fresh, before->thumbprint))
			fresh->items[fresh->count++] = *before;
	}
	*remnants = *fresh;
	fresh->count = 0;
}
