/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that every call that makes an object shares: where it lives, who may, and what handle
 * it gets. */
#include "creation.h"

#include "permit.h"

const CK_ATTRIBUTE *creation_find(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < attributes->count; i++)
		if (attributes->list[i].type == type)
			return &attributes->list[i];
	return NULL;
}

static bool read_flag(const struct attributes *attributes, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	const CK_ATTRIBUTE *attribute = creation_find(attributes, type);

	if (!attribute || attribute->ulValueLen != sizeof(CK_BBOOL) || !attribute->pValue)
		return otherwise;
	return *(const CK_BBOOL *)attribute->pValue != CK_FALSE;
}

/* Libraries differ in which of two values counts, so what we judge might not be what they do. */
static CK_RV check_once(
	const struct attributes *attributes, CK_ATTRIBUTE_TYPE type, CK_ULONG wanted_len)
{
	const CK_ATTRIBUTE *found = NULL;

	for (CK_ULONG i = 0; i < attributes->count; i++) {
		if (attributes->list[i].type != type)
			continue;
		if (found)
			return CKR_TEMPLATE_INCONSISTENT;
		found = &attributes->list[i];
	}
	return !found || (found->pValue && found->ulValueLen == wanted_len)
		       ? CKR_OK
		       : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV check_template(const struct attributes *attributes)
{
	TRY(check_once(attributes, CKA_CLASS, sizeof(CK_OBJECT_CLASS)));
	TRY(check_once(attributes, CKA_TOKEN, sizeof(CK_BBOOL)));
	return check_once(attributes, CKA_PRIVATE, sizeof(CK_BBOOL));
}

void creation_read(struct creation *creation, const struct attributes *attributes)
{
	const CK_ATTRIBUTE *class = creation_find(attributes, CKA_CLASS);

	if (class && class->pValue && class->ulValueLen == sizeof(creation->class))
		memcpy(&creation->class, class->pValue, sizeof(creation->class));
	if (creation->class == CKO_PRIVATE_KEY || creation->class == CKO_SECRET_KEY)
		creation->private = true;
	creation->fault = check_template(attributes);
	creation->on_token = read_flag(attributes, CKA_TOKEN, creation->on_token);
	creation->private = read_flag(attributes, CKA_PRIVATE, creation->private);
}

CK_RV creation_check(const struct request *request, const struct creation *creation)
{
	TRY(creation->fault);
	if (creation->on_token && session_is_read_only(request->session))
		return CKR_SESSION_READ_ONLY;
	if (creation->private && request->client->login != CKU_USER)
		return CKR_USER_NOT_LOGGED_IN;
	return creation->on_token ? permit_rights(request, IOTHSM_RIGHT_GENERATE) : CKR_OK;
}

CK_RV creation_open(struct request *request, bool on_token, CK_SESSION_HANDLE *native)
{
	return on_token ? token_take_session(request->token, native)
			: session_holder(request->session, native);
}

void creation_close(struct request *request, bool on_token, CK_SESSION_HANDLE native, CK_RV rv)
{
	if (!on_token)
		return; /* stays with the client's session */
	if (rv == CKR_OK)
		token_put_session(request->token, native);
	else
		token_close_session(request->token, native);
}

/* A template need not say CKA_PRIVATE and defaults differ, so the object itself is asked. */
CK_RV creation_register(struct request *request, CK_SESSION_HANDLE native, CK_OBJECT_HANDLE object,
	CK_OBJECT_HANDLE *handle)
{
	struct object_view view = { 0 };
	CK_RV rv = object_register(request->token, request->session, object, &view);

	if (rv == CKR_OK) {
		*handle = view.handle;
		return CKR_OK;
	}
	CK_RV end = request->functions->C_DestroyObject(native, object);

	if (end != CKR_OK)
		return end;
	object_forget(request->token, view.handle);
	return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_USER_NOT_LOGGED_IN : rv;
}
