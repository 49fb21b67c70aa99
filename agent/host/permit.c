/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may do, as the front said; each refusal is logged with what would allow it. */
#include "permit.h"

#include <stdio.h>

#include "log.h"
#include "mechanism_name.h"
#include "right.h"

enum { MECHANISM_TEXT_MAX = 64 };

static const char *write_mechanism(char text[MECHANISM_TEXT_MAX], CK_MECHANISM_TYPE type)
{
	const char *name = mechanism_name_of(type);

	if (name)
		(void)snprintf(text, MECHANISM_TEXT_MAX, "%s", name);
	else
		(void)snprintf(text, MECHANISM_TEXT_MAX, "0x%lx", type);
	return text;
}

/* key and value: what to add to the section of agent.conf that means this user and token. */
static void log_refusal(const struct request *request, const char *key, const char *value)
{
	const struct client *client = request->client;
	const Call *call = request->call;
	char mechanism[MECHANISM_TEXT_MAX] = "none";
	unsigned long kept_back = 0;

	if (!throttle_admit(
		    &request->token->host->refusals, client->uid, wire_now_ms(), &kept_back))
		return;
	if (call->has_mechanism)
		(void)write_mechanism(mechanism, call->mechanism);
	log_warn("rights: refused uid=%u gid=%u pid=%d serial=%s function=%s mechanism=%s; to "
		 "allow it, let the rights section for this user and token have '%s' in '%s' "
		 "kept_back=%lu",
		(unsigned)client->uid, (unsigned)client->gid, (int)client->pid,
		request->token->facts.serial, Function_name(call->function), mechanism, value, key,
		kept_back);
}

CK_RV permit_rights(const struct request *request, CK_FLAGS rights)
{
	CK_FLAGS missing = rights & ~request->client->rights;

	if (!missing)
		return CKR_OK;
	log_refusal(request, "allow", right_name_of(missing));
	return missing & IOTHSM_RIGHT_ADMIN ? CKR_FUNCTION_REJECTED : CKR_IOTHSM_POLICY;
}

bool permit_has_mechanism(struct client *client, CK_MECHANISM_TYPE type)
{
	const struct link_mechanisms *mechanisms = &client->mechanisms;
	bool has = false;

	if (!client->mechanisms_limited)
		return true;
	(void)pthread_mutex_lock(&client->lock);
	for (int32_t i = 0; i < mechanisms->count && !has; i++)
		has = mechanisms->types[i] == type;
	(void)pthread_mutex_unlock(&client->lock);
	return has;
}

CK_RV permit_mechanism(const struct request *request, CK_MECHANISM_TYPE type)
{
	char text[MECHANISM_TEXT_MAX];

	if (permit_has_mechanism(request->client, type))
		return CKR_OK;
	log_refusal(request, "mechanisms", write_mechanism(text, type));
	return CKR_MECHANISM_INVALID;
}
