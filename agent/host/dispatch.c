/* SPDX-License-Identifier: Apache-2.0 */
/* From a decoded Call to its Reply: rights, session, turn, handles, handler, by one table. */
#include "dispatch.h"

#include <iothsm/iothsm.h>
#include <openssl/err.h>

#include "expense.h"
#include "log.h"
#include "permit.h"

enum rule_flag {
	SESSION = 1 << 0,          /* handle is a session */
	SHARED = 1 << 1,           /* inside the token's gate beside others */
	EXCLUSIVE = 1 << 2,        /* inside it alone; neither: the handler takes its turn itself */
	MECHANISM = 1 << 3,        /* cannot do without one */
	KEY_BY_MECHANISM = 1 << 4, /* the object counts only when a mechanism came along */
	LONG = 1 << 5              /* may search for primes */
};

struct rule {
	call_handler *handle;
	unsigned flags;
	CK_FLAGS right;
	CK_RV object_error, object2_error; /* CKR_OK: no such handle in this call */
};

#define USE     IOTHSM_RIGHT_USE
#define SIGN    (IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN)
#define DECRYPT (IOTHSM_RIGHT_USE | IOTHSM_RIGHT_DECRYPT)
#define ADMIN   IOTHSM_RIGHT_ADMIN
#define KEY     CKR_KEY_HANDLE_INVALID
#define OBJ     CKR_OBJECT_HANDLE_INVALID

enum {
	CALL = SESSION | SHARED,
	BEGIN = SESSION | SHARED | KEY_BY_MECHANISM, /* Init, and what may have Init merged in */
	MAKE = SESSION | SHARED | MECHANISM
};

static const struct rule rules[] = {
	[Function_RESTORE_LOGIN] = { call_restore_login, SESSION, USE, 0, 0 },
	[Function_ADMIN_KEEP_PIN] = { call_keep_pin, EXCLUSIVE, ADMIN, 0, 0 },
	[Function_ADMIN_FORGET_PIN] = { call_forget_pin, EXCLUSIVE, ADMIN, 0, 0 },
	[Function_ADMIN_CLEAR_GUARD] = { call_clear_guard, 0, ADMIN, 0, 0 },
	[Function_ADMIN_DELETE_TOKEN] = { call_delete_token, EXCLUSIVE, ADMIN, 0, 0 },
	[Function_ADMIN_RIGHTS] = { call_rights, 0, 0, 0, 0 },

	[Function_C_GetTokenInfo] = { call_get_token_info, SHARED, 0, 0, 0 },
	[Function_C_GetMechanismList] = { call_get_mechanism_list, SHARED, 0, 0, 0 },
	[Function_C_GetMechanismInfo] = { call_get_mechanism_info, SHARED, 0, 0, 0 },
	[Function_C_InitToken] = { call_init_token, EXCLUSIVE, IOTHSM_RIGHT_SO, 0, 0 },
	[Function_C_OpenSession] = { call_open_session, SHARED, USE, 0, 0 },
	[Function_C_CloseSession] = { call_close_session, 0, USE, 0, 0 },
	[Function_C_CloseAllSessions] = { call_close_all_sessions, 0, USE, 0, 0 },
	[Function_C_GetSessionInfo] = { call_get_session_info, SESSION, USE, 0, 0 },
	[Function_C_Login] = { call_login, SESSION, USE, 0, 0 },
	[Function_C_LoginUser] = { call_login_user, SESSION, USE, 0, 0 },
	[Function_C_Logout] = { call_logout, SESSION, USE, 0, 0 },
	[Function_C_InitPIN] = { call_init_pin, SESSION | EXCLUSIVE, IOTHSM_RIGHT_SO, 0, 0 },
	[Function_C_SetPIN] = { call_set_pin, SESSION | EXCLUSIVE, USE, 0, 0 },

	[Function_C_CreateObject] = { call_create_object, CALL, USE, 0, 0 },
	[Function_C_CopyObject] = { call_copy_object, CALL, USE, OBJ, 0 },
	[Function_C_DestroyObject] = { call_destroy_object, CALL, USE, OBJ, 0 },
	[Function_C_GetObjectSize] = { call_get_object_size, CALL, USE, OBJ, 0 },
	[Function_C_GetAttributeValue] = { call_get_attribute_value, CALL, USE, OBJ, 0 },
	[Function_C_SetAttributeValue] = { call_set_attribute_value, CALL, USE, OBJ, 0 },
	[Function_C_FindObjectsInit] = { call_find_objects_init, CALL, USE, 0, 0 },
	[Function_C_FindObjects] = { call_find_objects, CALL, USE, 0, 0 },
	[Function_C_FindObjectsFinal] = { call_find_objects_final, CALL, USE, 0, 0 },

	[Function_C_EncryptInit] = { call_encrypt_init, BEGIN, USE, KEY, 0 },
	[Function_C_Encrypt] = { call_encrypt, BEGIN, USE, KEY, 0 },
	[Function_C_EncryptUpdate] = { call_encrypt_update, CALL, USE, 0, 0 },
	[Function_C_EncryptFinal] = { call_encrypt_final, CALL, USE, 0, 0 },
	[Function_C_DecryptInit] = { call_decrypt_init, BEGIN, DECRYPT, KEY, 0 },
	[Function_C_Decrypt] = { call_decrypt, BEGIN, DECRYPT, KEY, 0 },
	[Function_C_DecryptUpdate] = { call_decrypt_update, CALL, DECRYPT, 0, 0 },
	[Function_C_DecryptFinal] = { call_decrypt_final, CALL, DECRYPT, 0, 0 },
	[Function_C_DigestInit] = { call_digest_init, CALL, USE, 0, 0 },
	[Function_C_Digest] = { call_digest, CALL, USE, 0, 0 },
	[Function_C_DigestUpdate] = { call_digest_update, CALL, USE, 0, 0 },
	[Function_C_DigestKey] = { call_digest_key, CALL, USE, KEY, 0 },
	[Function_C_DigestFinal] = { call_digest_final, CALL, USE, 0, 0 },
	[Function_C_SignInit] = { call_sign_init, BEGIN, SIGN, KEY, 0 },
	[Function_C_Sign] = { call_sign, BEGIN, SIGN, KEY, 0 },
	[Function_C_SignUpdate] = { call_sign_update, CALL, SIGN, 0, 0 },
	[Function_C_SignFinal] = { call_sign_final, CALL, SIGN, 0, 0 },
	[Function_C_SignRecoverInit] = { call_sign_recover_init, BEGIN, SIGN, KEY, 0 },
	[Function_C_SignRecover] = { call_sign_recover, CALL, SIGN, 0, 0 },
	[Function_C_VerifyInit] = { call_verify_init, BEGIN, USE, KEY, 0 },
	[Function_C_Verify] = { call_verify, BEGIN, USE, KEY, 0 },
	[Function_C_VerifyUpdate] = { call_verify_update, CALL, USE, 0, 0 },
	[Function_C_VerifyFinal] = { call_verify_final, CALL, USE, 0, 0 },
	[Function_C_VerifyRecoverInit] = { call_verify_recover_init, BEGIN, USE, KEY, 0 },
	[Function_C_VerifyRecover] = { call_verify_recover, CALL, USE, 0, 0 },
	[Function_C_DigestEncryptUpdate] = { call_digest_encrypt_update, CALL, USE, 0, 0 },
	[Function_C_DecryptDigestUpdate] = { call_decrypt_digest_update, CALL, DECRYPT, 0, 0 },
	[Function_C_SignEncryptUpdate] = { call_sign_encrypt_update, CALL, SIGN, 0, 0 },
	[Function_C_DecryptVerifyUpdate] = { call_decrypt_verify_update, CALL, DECRYPT, 0, 0 },

	[Function_C_GenerateKey] = { call_generate_key, MAKE | LONG, USE, 0, 0 },
	[Function_C_GenerateKeyPair] = { call_generate_key_pair, MAKE | LONG, USE, 0, 0 },
	[Function_C_WrapKey] = { call_wrap_key, MAKE, DECRYPT, CKR_WRAPPING_KEY_HANDLE_INVALID,
		KEY },
	[Function_C_UnwrapKey] = { call_unwrap_key, MAKE, DECRYPT,
		CKR_UNWRAPPING_KEY_HANDLE_INVALID, 0 },
	[Function_C_DeriveKey] = { call_derive_key, MAKE, DECRYPT, KEY, 0 },
	[Function_C_SeedRandom] = { call_seed_random, CALL, USE, 0, 0 },
	[Function_C_GenerateRandom] = { call_generate_random, CALL, USE, 0, 0 },
	[Function_C_SessionCancel] = { call_session_cancel, CALL, USE, 0, 0 },
};

/* NULL with a length is no value: libraries follow the pointer (R13). */
static CK_RV check_template(const struct attributes *attributes, unsigned depth)
{
	for (CK_ULONG i = 0; i < attributes->count; i++) {
		const CK_ATTRIBUTE *attribute = &attributes->list[i];
		struct attributes nested = { attribute->pValue,
			attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };

		if (!attribute->pValue && attribute->ulValueLen != 0)
			return CKR_ATTRIBUTE_VALUE_INVALID;
		/* The list of allowed mechanisms has the bit but holds no attributes. */
		if (!(attribute->type & CKF_ARRAY_ATTRIBUTE) ||
			attribute->type == CKA_ALLOWED_MECHANISMS)
			continue;
		/* Of any other the wire carries bytes: pointers of the client's own choice. */
		if (!wire_nests(attribute->type))
			return CKR_ATTRIBUTE_TYPE_INVALID;
		if (depth >= WIRE_DEPTH_MAX)
			return CKR_TEMPLATE_INCONSISTENT;
		TRY(check_template(&nested, depth + 1));
	}
	return CKR_OK;
}

static CK_RV check_attributes(const Call *call)
{
	if (call->query)
		return call->function == Function_C_GetAttributeValue ? CKR_OK : CKR_ARGUMENTS_BAD;
	TRY(check_template(&call->attributes, 1));
	return check_template(&call->attributes2, 1);
}

static CK_RV resolve(
	struct request *request, CK_OBJECT_HANDLE handle, CK_RV error, struct object_view *view)
{
	CK_RV rv = object_resolve(request->token, request->client, handle, view);

	/* What the agent keeps is never a key, nor anything that the backend could use. */
	if (rv == CKR_OBJECT_HANDLE_INVALID ||
		(rv == CKR_OK && view->store_id != 0 && error != OBJ))
		return error;
	return rv;
}

static CK_RV resolve_objects(struct request *request, const struct rule *rule)
{
	if (rule->object_error &&
		(request->call->has_mechanism || !(rule->flags & KEY_BY_MECHANISM)))
		TRY(resolve(request, request->call->object, rule->object_error, &request->object));
	if (rule->object2_error)
		TRY(resolve(
			request, request->call->object2, rule->object2_error, &request->object2));
	return CKR_OK;
}

/* A logout ended what began before it, on whichever connection it came. */
static void end_outdated(struct session *session)
{
	unsigned epoch = session->client->epoch;

	if (session->epoch == epoch)
		return;
	session_cancel(session);
	session->epoch = epoch;
}

static CK_RV run_inside(struct request *request, const struct rule *rule)
{
	if (request->session)
		end_outdated(request->session);
	TRY(resolve_objects(request, rule));
	return rule->handle(request);
}

static CK_RV run_in_turn(struct request *request, const struct rule *rule)
{
	enum gate_mode mode = rule->flags & EXCLUSIVE ? GATE_EXCLUSIVE : GATE_SHARED;

	if (!(rule->flags & (SHARED | EXCLUSIVE)))
		return rule->handle(request);
	TRY(token_enter(request->token, request->client, mode, TOKEN_WAIT_MS));
	CK_RV rv = run_inside(request, rule);

	token_leave(request->token, request->client);
	return rv;
}

static CK_RV run_in_session(struct request *request, const struct rule *rule)
{
	if (!(rule->flags & SESSION))
		return run_in_turn(request, rule);
	TRY(session_get(request->client, request->call->handle, wire_now_ms() + SESSION_WAIT_MS,
		&request->session));
	CK_RV rv = run_in_turn(request, rule);

	session_put(request->session);
	return rv;
}

static CK_RV run_when_due(struct request *request, const struct rule *rule)
{
	TRY(expense_begin(request));
	CK_RV rv = run_in_session(request, rule);

	expense_end(request);
	return rv;
}

static CK_RV run(struct request *request)
{
	const Call *call = request->call;

	if ((size_t)call->function >= ARRAY_LEN(rules) || !rules[call->function].handle)
		return CKR_FUNCTION_NOT_SUPPORTED;
	const struct rule *rule = &rules[call->function];

	TRY(permit_rights(request, rule->right));
	if (!request->token->present)
		return CKR_TOKEN_NOT_PRESENT;
	if ((rule->flags & MECHANISM) && !call->has_mechanism)
		return CKR_ARGUMENTS_BAD;
	TRY(check_attributes(call));
	if (call->has_mechanism)
		TRY(permit_mechanism(request, call->mechanism));
	if (call->has_mechanism)
		TRY(mechanism_unflatten(
			call->mechanism, call->parameter, request->arena, &request->mechanism));
	return rule->flags & LONG ? run_when_due(request, rule) : run_in_session(request, rule);
}

/* Its sessions, logins and handles in the backend went with it, so that the next host begins anew.
 */
static void lose_token(struct token *token)
{
	const struct link_message restart = { .type = LINK_RESTART };

	if (!atomic_exchange(&token->present, false))
		return;
	log_warn("dispatch: the token was removed serial=%s", token->facts.serial);
	host_tell(token->host, &restart);
}

/* A session of the backend that went while ours is still there means the same. */
static bool is_loss(const struct request *request, CK_RV rv)
{
	return rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
	       (request->session && rv == CKR_SESSION_HANDLE_INVALID);
}

void dispatch_call(struct client *client, const Call *call, struct arena *arena, Reply *reply)
{
	struct request request = { .call = call,
		.reply = reply,
		.arena = arena,
		.client = client,
		.token = client->token,
		.functions = client->token->host->functions };

	*reply = (Reply){ 0 };
	reply->rv = run(&request);
	if (is_loss(&request, (CK_RV)reply->rv)) {
		lose_token(request.token);
		reply->rv = CKR_DEVICE_REMOVED;
	}
	/* The backend shares libcrypto with us and leaves errors on this thread's queue. */
	ERR_clear_error();
}
