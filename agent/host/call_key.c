/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and random numbers: generate, wrap, unwrap, derive, seed. */
#include "connection.h"
#include "creation.h"
#include "expense.h"
#include "operation.h"
#include "police.h"
#include "provision.h"
#include "provisioning.h"
#include "record.h"

static CK_RV give_handle(
	struct request *request, const struct creation *creation, CK_RV rv, CK_OBJECT_HANDLE made)
{
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

	if (rv == CKR_OK)
		rv = creation_register(request, creation->native, made, &handle);
	creation_close(request, creation->on_token, creation->native, rv);
	request->reply->number = handle;
	return rv;
}

static CK_RV begin(struct request *request, struct creation *creation)
{
	creation_read(creation, &request->call->attributes);
	TRY(creation_check(request, creation));
	return creation_open(request, creation->on_token, &creation->native);
}

CK_RV call_generate_key(struct request *request)
{
	const struct attributes *template = &request->call->attributes;
	struct creation creation = { .class = CKO_SECRET_KEY };
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	connection_expect_long();
	TRY(expense_check(request));
	TRY(begin(request, &creation));
	CK_RV rv = request->functions->C_GenerateKey(
		creation.native, &request->mechanism, template->list, template->count, &made);

	return give_handle(request, &creation, rv, made);
}

struct pair {
	CK_OBJECT_HANDLE public_key, private_key;
};

static CK_RV generate_native(struct request *request, CK_SESSION_HANDLE native, struct pair *pair)
{
	const Call *call = request->call;
	struct pair made = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };

	TRY(request->functions->C_GenerateKeyPair(native, &request->mechanism,
		call->attributes.list, call->attributes.count, call->attributes2.list,
		call->attributes2.count, &made.public_key, &made.private_key));
	CK_RV rv = creation_register(request, native, made.public_key, &pair->public_key);

	if (rv != CKR_OK) {
		(void)request->functions->C_DestroyObject(native, made.private_key);
		return rv;
	}
	rv = creation_register(request, native, made.private_key, &pair->private_key);
	if (rv != CKR_OK) {
		(void)request->functions->C_DestroyObject(native, made.public_key);
		object_forget(request->token, pair->public_key);
	}
	return rv;
}

static CK_RV generate_pair(struct request *request)
{
	struct creation public_key = { .class = CKO_PUBLIC_KEY };
	struct creation private_key = { .class = CKO_PRIVATE_KEY };
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;
	struct pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };

	creation_read(&public_key, &request->call->attributes);
	creation_read(&private_key, &request->call->attributes2);
	TRY(creation_check(request, &public_key));
	TRY(creation_check(request, &private_key));
	bool on_token = public_key.on_token && private_key.on_token;

	TRY(creation_open(request, on_token, &native));
	CK_RV rv = generate_native(request, native, &pair);

	creation_close(request, on_token, native, rv);
	if (rv != CKR_OK)
		return rv;
	request->reply->number = pair.public_key;
	request->reply->number2 = pair.private_key;
	return CKR_OK;
}

CK_RV call_generate_key_pair(struct request *request)
{
	connection_expect_long();
	TRY(expense_check(request));
	if (provision_is_mechanism(request->mechanism.mechanism))
		return provisioning_generate(request);
	return generate_pair(request);
}

CK_RV call_wrap_key(struct request *request)
{
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;
	CK_BYTE *buffer = NULL;
	CK_ULONG len = 0;

	TRY(police_use(request, &request->object2, "be wrapped"));
	TRY(operation_take_room(request, &buffer, &len));
	if (buffer)
		TRY(record_single(request, &request->object2, "wrap", bytes_of(NULL, 0)));
	TRY(token_take_session(request->token, &native));
	CK_ULONG room = len;
	CK_RV rv = request->functions->C_WrapKey(native, &request->mechanism,
		request->object.native, request->object2.native, buffer, &len);

	if (rv == CKR_OK && buffer && len > room)
		rv = CKR_DEVICE_ERROR;
	operation_give(request, buffer, len, rv);
	creation_close(request, true, native, rv);
	return rv;
}

/* The public value of the other side, where there is one. */
static struct bytes derive_input(const CK_MECHANISM *mechanism)
{
	const CK_ECDH1_DERIVE_PARAMS *ecdh = mechanism->pParameter;
	bool has_other = mechanism->mechanism == CKM_ECDH1_DERIVE ||
			 mechanism->mechanism == CKM_ECDH1_COFACTOR_DERIVE;

	if (!has_other || !ecdh || mechanism->ulParameterLen != sizeof(*ecdh))
		return bytes_of(NULL, 0);
	return bytes_of(ecdh->pPublicData, ecdh->ulPublicDataLen);
}

CK_RV call_unwrap_key(struct request *request)
{
	const struct attributes *template = &request->call->attributes;
	struct bytes wrapped = request->call->data;
	struct creation creation = { .class = CKO_SECRET_KEY };
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	TRY(police_use(request, &request->object, "unwrap"));
	TRY(record_single(request, &request->object, "unwrap", wrapped));
	TRY(begin(request, &creation));
	CK_RV rv = request->functions->C_UnwrapKey(creation.native, &request->mechanism,
		request->object.native, call_input(wrapped), wrapped.len, template->list,
		template->count, &made);

	return give_handle(request, &creation, rv, made);
}

CK_RV call_derive_key(struct request *request)
{
	const struct attributes *template = &request->call->attributes;
	struct creation creation = { .class = CKO_SECRET_KEY };
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	TRY(police_use(request, &request->object, "derive"));
	TRY(record_single(request, &request->object, "derive", derive_input(&request->mechanism)));
	TRY(begin(request, &creation));
	CK_RV rv = request->functions->C_DeriveKey(creation.native, &request->mechanism,
		request->object.native, template->list, template->count, &made);

	return give_handle(request, &creation, rv, made);
}

CK_RV call_seed_random(struct request *request)
{
	struct bytes seed = request->call->data;
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;

	TRY(token_take_session(request->token, &native));
	CK_RV rv = request->functions->C_SeedRandom(native, call_input(seed), seed.len);

	creation_close(request, true, native, rv);
	return rv;
}

CK_RV call_generate_random(struct request *request)
{
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;
	size_t len = request->call->number;

	if (len == 0 || len > CALL_OUTPUT_MAX)
		return len == 0 ? CKR_OK : CKR_ARGUMENTS_BAD;
	uint8_t *bytes = arena_take(request->arena, len);

	if (!bytes)
		return CKR_HOST_MEMORY;
	TRY(token_take_session(request->token, &native));
	CK_RV rv = request->functions->C_GenerateRandom(native, bytes, len);

	creation_close(request, true, native, rv);
	if (rv == CKR_OK)
		request->reply->data = bytes_of(bytes, len);
	return rv;
}
