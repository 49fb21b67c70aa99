/* SPDX-License-Identifier: Apache-2.0 */
/* Every native use of a PIN passes here: the guard counts, and the token's last try is never spent.
 */
#ifndef IOTHSM_PINGUARD_H
#define IOTHSM_PINGUARD_H

#include "client.h"

/* Called with pins->check held, so that tries in parallel are counted one after the other. */
CK_RV pinguard_admit(struct client *client);

/* Before a native try: CKR_IOTHSM_PIN_GUARD when the token says that it would be the last one. */
CK_RV pinguard_spare_last_try(struct token *token, CK_USER_TYPE user);

/* What a try has come to: counts a wrong PIN, forgets the wrong ones after a right one. */
void pinguard_record(struct client *client, CK_RV rv);

/* A native try from admission to record; call does it with its context. */
typedef CK_RV pinguard_call(struct token *token, void *context);
CK_RV pinguard_try(struct client *client, CK_USER_TYPE user, pinguard_call *call, void *context);

#endif
