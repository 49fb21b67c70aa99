/* SPDX-License-Identifier: Apache-2.0 */
/* The rule by which a key's certificate takes the place of its older ones. */
#ifndef IOTHSM_REPLACE_H
#define IOTHSM_REPLACE_H

#include "holding.h"
#include "subject.h"

/* The certificates under the key's id; CKR_IOTHSM_KEY_MISMATCH when one has another public key. */
CK_RV replace_check(struct subject *subject, struct holdings *old);

/* Writes the new one, then destroys the old ones and keeps them as history. On failure all is as
 * before. */
CK_RV replace_with(const struct subject *subject, const X509 *cert, const struct holdings *old);

#endif
