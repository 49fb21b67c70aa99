/* SPDX-License-Identifier: Apache-2.0 */
/* struct iothsm_admin: administration that PKCS#11 has no call for. */
#include "admin.h"

#include "invoke.h"
#include "library.h"

static CK_RV copy_status(const Reply *reply, CK_UTF8CHAR *json, CK_ULONG *len)
{
	CK_ULONG offered = *len;

	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	*len = reply->data.len;
	if (!json)
		return CKR_OK;
	if (offered < reply->data.len)
		return CKR_BUFFER_TOO_SMALL;
	if (reply->data.len > 0)
		memcpy(json, reply->data.data, reply->data.len);
	return CKR_OK;
}

static CK_RV admin_status(CK_UTF8CHAR *json, CK_ULONG *len)
{
	Call call = { .function = Function_ADMIN_STATUS };
	struct exchange exchange;

	TRY(library_check());
	if (!len)
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_control(&call, &exchange));
	CK_RV rv = copy_status(&exchange.reply, json, len);

	invoke_end(&exchange);
	return rv;
}

static CK_RV admin_rights(CK_SLOT_ID slot, CK_FLAGS *rights)
{
	return invoke_number(&(Call){ .function = Function_ADMIN_RIGHTS, .handle = slot }, rights);
}

static CK_RV admin_keep_pin(CK_SLOT_ID slot, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	Call call = { .function = Function_ADMIN_KEEP_PIN, .handle = slot, .number = user };

	if (!pin)
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_input(pin, len, &call.data));
	return invoke_plain(&call);
}

static CK_RV admin_forget_pin(CK_SLOT_ID slot, CK_USER_TYPE user)
{
	return invoke_plain(
		&(Call){ .function = Function_ADMIN_FORGET_PIN, .handle = slot, .number = user });
}

static CK_RV admin_clear_guard(CK_SLOT_ID slot)
{
	return invoke_plain(&(Call){ .function = Function_ADMIN_CLEAR_GUARD, .handle = slot });
}

static CK_RV admin_delete_token(CK_SLOT_ID slot, CK_UTF8CHAR *so_pin, CK_ULONG len)
{
	Call call = { .function = Function_ADMIN_DELETE_TOKEN, .handle = slot };

	if (!so_pin)
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_input(so_pin, len, &call.data));
	return invoke_plain(&call);
}

static CK_RV admin_rescan(void)
{
	Call call = { .function = Function_ADMIN_RESCAN };
	struct exchange exchange;

	TRY(invoke_control(&call, &exchange));
	CK_RV rv = (CK_RV)exchange.reply.rv;

	invoke_end(&exchange);
	return rv;
}

struct iothsm_admin admin_functions = {
	.version = { 1, 0 },
	.status = admin_status,
	.rights = admin_rights,
	.keep_pin = admin_keep_pin,
	.forget_pin = admin_forget_pin,
	.clear_guard = admin_clear_guard,
	.delete_token = admin_delete_token,
	.rescan = admin_rescan,
};
