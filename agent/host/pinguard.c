/* SPDX-License-Identifier: Apache-2.0 */
/* Every native use of a PIN passes here: the guard counts, and the token's last try is never spent.
 */
#include "pinguard.h"

#include <iothsm/iothsm.h>

#include "log.h"

static void tell(struct client *client, struct guard_entry entry)
{
	struct link_message message = { .type = LINK_GUARD,
		.uid = client->uid,
		.number = entry.wrong,
		.time_ms = entry.first_ms };

	memcpy(message.serial, client->token->facts.serial, sizeof(message.serial));
	host_tell(client->token->host, &message);
}

CK_RV pinguard_admit(struct client *client)
{
	if (!guard_is_locked(&client->token->guard, client->uid, guard_now_ms()))
		return CKR_OK;
	log_warn("guard: too many wrong PINs, wait or clear the guard serial=%s uid=%u",
		client->token->facts.serial, client->uid);
	return CKR_PIN_LOCKED;
}

CK_RV pinguard_spare_last_try(struct token *token, CK_USER_TYPE user)
{
	CK_FLAGS last = user == CKU_SO ? CKF_SO_PIN_FINAL_TRY : CKF_USER_PIN_FINAL_TRY;
	CK_TOKEN_INFO info = { 0 };

	TRY(token->host->functions->C_GetTokenInfo(token->slot, &info));
	if (!(info.flags & last))
		return CKR_OK;
	log_warn("guard: the token has one try left, which is for the operator to spend serial=%s",
		token->facts.serial);
	return CKR_IOTHSM_PIN_GUARD;
}

void pinguard_record(struct client *client, CK_RV rv)
{
	struct guard *guard = &client->token->guard;

	if (rv == CKR_PIN_INCORRECT)
		tell(client, guard_count_wrong(guard, client->uid, guard_now_ms()));
	else if (rv == CKR_OK && guard_forget(guard, client->uid))
		tell(client, (struct guard_entry){ .uid = client->uid });
}

CK_RV pinguard_try(struct client *client, CK_USER_TYPE user, pinguard_call *call, void *context)
{
	struct token *token = client->token;

	(void)pthread_mutex_lock(&token->pins->check);
	CK_RV rv = pinguard_admit(client);

	if (rv == CKR_OK)
		rv = pinguard_spare_last_try(token, user);
	if (rv == CKR_OK) {
		rv = call(token, context);
		pinguard_record(client, rv);
	}
	(void)pthread_mutex_unlock(&token->pins->check);
	return rv;
}
