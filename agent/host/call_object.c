/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: create, copy, destroy, read and change. */
#include <iothsm/iothsm.h>

#include "creation.h"
#include "log.h"
#include "permit.h"
#include "police.h"
#include "provisioning.h"
#include "record.h"

/* The new one is written first: a failure in between leaves the key with a certificate. */
static CK_RV retire(struct request *request, CK_SESSION_HANDLE native, CK_OBJECT_HANDLE replaced,
	CK_OBJECT_HANDLE made)
{
	if (replaced == CK_INVALID_HANDLE)
		return CKR_OK;
	CK_RV rv = provisioning_retire_certificate(request, replaced);

	if (rv != CKR_OK && request->functions->C_DestroyObject(native, made) != CKR_OK)
		log_error("object: two certificates of one key stay, destroy one serial=%s",
			request->token->facts.serial);
	return rv;
}

static CK_RV create(struct request *request, const struct creation *creation,
	CK_SESSION_HANDLE native, CK_OBJECT_HANDLE *handle)
{
	const struct attributes *template = &request->call->attributes;
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE, replaced = CK_INVALID_HANDLE;

	if (creation->class == CKO_CERTIFICATE && creation->on_token)
		TRY(provisioning_check_certificate(request, &replaced));
	TRY(request->functions->C_CreateObject(native, template->list, template->count, &made));
	TRY(retire(request, native, replaced, made));
	return creation_register(request, native, made, handle);
}

CK_RV call_create_object(struct request *request)
{
	struct creation creation = { .class = CKO_DATA };
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	creation_read(&creation, &request->call->attributes);
	TRY(creation_check(request, &creation));
	TRY(creation_open(request, creation.on_token, &native));
	CK_RV rv = create(request, &creation, native, &handle);

	creation_close(request, creation.on_token, native, rv);
	if (creation.on_token)
		record_look_again(request->token);
	request->reply->number = handle;
	return rv;
}

CK_RV call_copy_object(struct request *request)
{
	const struct object_view *source = &request->object;
	const struct attributes *template = &request->call->attributes;
	struct creation creation = { .on_token = source->on_token };
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE, handle = CK_INVALID_HANDLE;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	if (source->store_id != 0)
		return CKR_ACTION_PROHIBITED;
	creation.private = source->private;
	creation_read(&creation, template);
	TRY(creation_check(request, &creation));
	TRY(police_use(request, source, "be copied"));
	TRY(creation_open(request, creation.on_token, &native));
	CK_RV rv = request->functions->C_CopyObject(
		native, source->native, template->list, template->count, &made);

	if (rv == CKR_OK)
		rv = creation_register(request, native, made, &handle);
	creation_close(request, creation.on_token, native, rv);
	if (creation.on_token)
		record_look_again(request->token);
	request->reply->number = handle;
	return rv;
}

static CK_RV check_change(const struct request *request, CK_FLAGS right)
{
	if (!request->object.on_token)
		return CKR_OK;
	if (session_is_read_only(request->session))
		return CKR_SESSION_READ_ONLY;
	return permit_rights(request, right);
}

CK_RV call_destroy_object(struct request *request)
{
	const struct object_view *object = &request->object;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	TRY(check_change(request, IOTHSM_RIGHT_DESTROY));
	if (object->store_id != 0) {
		TRY(store_remove(request->token->store, object->store_id));
		object_forget(request->token, object->handle);
		return CKR_OK;
	}
	TRY(token_take_session(request->token, &native));
	CK_RV rv = request->functions->C_DestroyObject(native, object->native);

	creation_close(request, true, native, rv);
	if (object->on_token)
		record_look_again(request->token);
	if (rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID)
		object_forget(request->token, object->handle);
	return rv;
}

CK_RV call_get_object_size(struct request *request)
{
	CK_ULONG size = CK_UNAVAILABLE_INFORMATION;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;
	CK_RV rv = CKR_OK;

	if (request->object.store_id == 0) {
		TRY(token_take_session(request->token, &native));
		rv = request->functions->C_GetObjectSize(native, request->object.native, &size);
		creation_close(request, true, native, rv);
	}
	request->reply->number = size;
	return rv;
}

static CK_RV read_values(struct request *request, struct attributes *wanted)
{
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	if (request->object.store_id != 0)
		return store_get(request->token->store, request->object.store_id, wanted->list,
			wanted->count);
	TRY(token_take_session(request->token, &native));
	CK_RV rv = request->functions->C_GetAttributeValue(
		native, request->object.native, wanted->list, wanted->count);

	token_put_session(request->token, native); /* no operation is behind this call */
	return rv;
}

/* A backend that says more than it was given room for must not make us send what lies behind. */
static void distrust(struct attributes *values, const CK_ULONG *rooms)
{
	for (CK_ULONG i = 0; i < values->count; i++) {
		CK_ATTRIBUTE *attribute = &values->list[i];

		if (attribute->ulValueLen > rooms[i])
			attribute->pValue = NULL;
	}
}

CK_RV call_get_attribute_value(struct request *request)
{
	struct attributes values = request->call->attributes;
	CK_ULONG rooms[WIRE_ATTRIBUTES_MAX];

	if (!request->call->query || values.count > WIRE_ATTRIBUTES_MAX)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < values.count; i++)
		rooms[i] = values.list[i].ulValueLen;
	CK_RV rv = read_values(request, &values);

	distrust(&values, rooms);
	request->reply->attributes = values;
	return rv;
}

CK_RV call_set_attribute_value(struct request *request)
{
	const struct attributes *template = &request->call->attributes;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	TRY(check_change(request, IOTHSM_RIGHT_GENERATE));
	if (request->object.store_id != 0)
		return CKR_ACTION_PROHIBITED;
	/* What decides who sees an object is fixed for its life (PKCS#11 3.0, 4.4.1: changed by a
	 * copy). */
	if (creation_find(template, CKA_PRIVATE) || creation_find(template, CKA_TOKEN))
		return CKR_ATTRIBUTE_READ_ONLY;
	if (!(template->count == 1 && creation_find(template, CKA_LABEL)))
		TRY(police_use(request, &request->object, "be changed"));
	TRY(token_take_session(request->token, &native));
	CK_RV rv = request->functions->C_SetAttributeValue(
		native, request->object.native, template->list, template->count);

	creation_close(request, true, native, rv);
	if (request->object.on_token)
		record_look_again(request->token);
	return rv;
}
