/* SPDX-License-Identifier: Apache-2.0 */
/* Object functions, but for the search. */
#include "invoke.h"
#include "library.h"

CK_RV C_CreateObject(
	CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	Call call = { .function = Function_C_CreateObject, .handle = session };

	TRY(invoke_template(template, count, &call.attributes));
	return invoke_number(&call, object);
}

CK_RV C_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
	CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	Call call = { .function = Function_C_CopyObject, .handle = session, .object = object };

	TRY(invoke_template(template, count, &call.attributes));
	return invoke_number(&call, copy);
}

/* What was remembered about a key may no longer hold once an object changes. */
static CK_RV change(const Call *call)
{
	CK_SLOT_ID slot;
	CK_RV rv = invoke_plain(call);

	if (session_slot((CK_SESSION_HANDLE)call->handle, &slot) == CKR_OK)
		session_doubt(slot);
	return rv;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	return change(&(Call){
		.function = Function_C_DestroyObject, .handle = session, .object = object });
}

CK_RV C_SetAttributeValue(
	CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	Call call = {
		.function = Function_C_SetAttributeValue, .handle = session, .object = object
	};

	TRY(invoke_template(template, count, &call.attributes));
	return change(&call);
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
	return invoke_number(
		&(Call){
			.function = Function_C_GetObjectSize, .handle = session, .object = object },
		size);
}

static CK_RV copy_values(
	const struct attributes *values, const struct attributes *template, CK_RV rv);

/* A length without its value would have the caller read what nobody wrote, unless it says how much
 * room is missing. */
static bool length_is_believed(const CK_ATTRIBUTE *value, const CK_ATTRIBUTE *target, CK_RV rv)
{
	return !target->pValue || value->ulValueLen == 0 || rv == CKR_BUFFER_TOO_SMALL ||
	       value->ulValueLen == CK_UNAVAILABLE_INFORMATION;
}

/* A reply that does not fit what was asked is a hostile one: nothing of it is believed. */
static CK_RV copy_value(const CK_ATTRIBUTE *value, CK_ATTRIBUTE *target, CK_RV rv)
{
	if (value->type != target->type)
		return CKR_DEVICE_ERROR;
	if (!value->pValue) {
		if (!length_is_believed(value, target, rv))
			return CKR_DEVICE_ERROR;
		target->ulValueLen = value->ulValueLen;
		return CKR_OK;
	}
	if (!target->pValue || value->ulValueLen > target->ulValueLen)
		return CKR_DEVICE_ERROR;
	if (wire_nests(value->type)) {
		struct attributes inner = { value->pValue,
			value->ulValueLen / sizeof(CK_ATTRIBUTE) };
		struct attributes outer = { target->pValue, inner.count };

		TRY(copy_values(&inner, &outer, rv));
	} else if (value->ulValueLen > 0) {
		memcpy(target->pValue, value->pValue, value->ulValueLen);
	}
	target->ulValueLen = value->ulValueLen;
	return CKR_OK;
}

static CK_RV copy_values(
	const struct attributes *values, const struct attributes *template, CK_RV rv)
{
	if (values->count != template->count)
		return CKR_DEVICE_ERROR;
	for (CK_ULONG i = 0; i < values->count; i++)
		TRY(copy_value(&values->list[i], &template->list[i], rv));
	return CKR_OK;
}

/* These come with values, or lengths, for all attributes that could be had. */
static bool rv_has_values(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
	       rv == CKR_BUFFER_TOO_SMALL;
}

CK_RV C_GetAttributeValue(
	CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct attributes rooms = { template, count };
	Call call = { .function = Function_C_GetAttributeValue,
		.handle = session,
		.object = object,
		.attributes = rooms,
		.query = true };
	struct exchange exchange;

	TRY(library_check());
	if (count > WIRE_ATTRIBUTES_MAX || (count > 0 && !template))
		return CKR_ARGUMENTS_BAD;
	TRY(invoke_begin(&call, &exchange));
	CK_RV rv = (CK_RV)exchange.reply.rv;

	if (rv_has_values(rv)) {
		CK_RV copied = copy_values(&exchange.reply.attributes, &rooms, rv);

		rv = copied != CKR_OK ? copied : rv;
	}
	invoke_end(&exchange);
	return rv;
}
