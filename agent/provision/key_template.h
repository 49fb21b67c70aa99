/* SPDX-License-Identifier: Apache-2.0 */
/* The templates of a key pair, as a caller gives them and completed to what a CA key needs. */
#ifndef IOTHSM_KEY_TEMPLATE_H
#define IOTHSM_KEY_TEMPLATE_H

#include "attributes.h"
#include "bytes.h"

enum { KEY_TEMPLATE_MAX = 48 };

struct key_template {
	CK_ULONG count;
	CK_ATTRIBUTE list[KEY_TEMPLATE_MAX]; /* views of the caller's values and of constants */
};

struct key_templates {
	CK_MECHANISM_TYPE mechanism; /* of the backend */
	struct bytes id;
	struct key_template public_key;
	struct key_template private_key;
};

/* CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, CKR_CURVE_NOT_SUPPORTED. */
CK_RV key_template_complete(const struct attributes *public_template,
	const struct attributes *private_template, struct key_templates *completed);

/*
 * Tokens know Edwards curves by different spellings of CKA_EC_PARAMS. Puts the one with this number
 * into the public template, 0 being the caller's; false when there is no such spelling.
 */
bool key_template_spell(struct key_templates *completed, unsigned spelling);

#endif
