/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on the token itself: info, mechanisms, initialisation, administration. */
#include <iothsm/iothsm.h>

#include "log.h"
#include "permit.h"
#include "pinadmin.h"
#include "provision.h"

static CK_RV give(struct request *request, const void *value, size_t len)
{
	const void *copy = arena_copy(request->arena, value, len);

	if (!copy)
		return CKR_HOST_MEMORY;
	request->reply->data = bytes_of(copy, len);
	return CKR_OK;
}

CK_RV call_get_token_info(struct request *request)
{
	struct client *client = request->client;
	CK_TOKEN_INFO info = { 0 };

	TRY(request->functions->C_GetTokenInfo(request->token->slot, &info));
	if ((client->rights & IOTHSM_RIGHT_KEPT_PIN) &&
		pins_has_kept(request->token->pins, CKU_USER))
		info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	(void)pthread_mutex_lock(&client->lock);
	if (info.ulSessionCount != CK_UNAVAILABLE_INFORMATION)
		info.ulSessionCount = client->sessions;
	if (info.ulRwSessionCount != CK_UNAVAILABLE_INFORMATION)
		info.ulRwSessionCount = client->sessions - client->read_only_sessions;
	(void)pthread_mutex_unlock(&client->lock);
	return give(request, &info, sizeof(info));
}

CK_RV call_get_mechanism_list(struct request *request)
{
	const CK_MECHANISM_TYPE *list = NULL;
	CK_ULONG count = 0, permitted = 0;

	TRY(token_mechanisms(request->token, &list, &count));
	CK_MECHANISM_TYPE *own = arena_take(request->arena, (count + 1) * sizeof(*own));

	if (!own)
		return CKR_HOST_MEMORY;
	for (CK_ULONG i = 0; i < count; i++)
		if (permit_has_mechanism(request->client, list[i]))
			own[permitted++] = list[i];
	request->reply->number = permitted;
	request->reply->data = bytes_of(own, permitted * sizeof(*own));
	return CKR_OK;
}

static const struct provision_mechanism *find_provisioning(CK_MECHANISM_TYPE type)
{
	size_t count = 0;
	const struct provision_mechanism *list = provision_mechanisms(&count);

	for (size_t i = 0; i < count; i++)
		if (list[i].type == type)
			return &list[i];
	return NULL;
}

CK_RV call_get_mechanism_info(struct request *request)
{
	CK_MECHANISM_TYPE type = request->call->number;
	const struct provision_mechanism *provisioning = find_provisioning(type);
	const struct hashed_form *form = hashed_form_of(type);
	bool hashed = form && token_hashes(request->token, type);
	CK_MECHANISM_INFO info = { 0 }; /* SoftHSM2 only adds flags */

	if (!permit_has_mechanism(request->client, type))
		return CKR_MECHANISM_INVALID;
	if (provisioning)
		return give(request, &provisioning->info, sizeof(provisioning->info));
	TRY(request->functions->C_GetMechanismInfo(
		request->token->slot, hashed ? form->base : type, &info));
	if (hashed)
		info = hashed_info(form, info);
	return give(request, &info, sizeof(info));
}

CK_RV call_init_token(struct request *request)
{
	return pinadmin_init_token(request->client, request->call->data, request->call->data2);
}

CK_RV call_keep_pin(struct request *request)
{
	return pinadmin_keep(request->client, request->call->number, request->call->data);
}

CK_RV call_forget_pin(struct request *request)
{
	return pinadmin_forget(request->client, request->call->number);
}

CK_RV call_clear_guard(struct request *request)
{
	struct link_message message = { .type = LINK_GUARD_CLEAR };

	memcpy(message.serial, request->token->facts.serial, sizeof(message.serial));
	guard_forget_all(&request->token->guard);
	host_tell(request->token->host, &message);
	log_info("guard: cleared serial=%s uid=%u", request->token->facts.serial,
		request->client->uid);
	return CKR_OK;
}

CK_RV call_delete_token(struct request *request)
{
	return pinadmin_delete_token(request->client, request->call->data);
}

CK_RV call_rights(struct request *request)
{
	request->reply->number = request->client->rights;
	return CKR_OK;
}
