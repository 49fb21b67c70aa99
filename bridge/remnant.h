/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that lie on a token without the private key that would make a CA of them. */
#ifndef IOTHSM_REMNANT_H
#define IOTHSM_REMNANT_H

#include "hsm.h"
#include "subject.h"

enum { REMNANTS_MAX = 32 };

struct remnant {
	char subject[SUBJECT_MAX];
	char thumbprint[41];
	size_t token;
	enum hsm_lack lack;
};

struct remnants {
	size_t count;
	struct remnant items[REMNANTS_MAX];
};

/* Once for each certificate; what is beyond REMNANTS_MAX is left out. */
void remnants_add(struct remnants *remnants, const struct hsm_found *found);

/* Fresh ones replace those before, but for tokens that the scan could not read. */
void remnants_settle(struct remnants *remnants, struct remnants *fresh, struct hsm *hsm);

#endif
