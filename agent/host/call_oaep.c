/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption and decryption with RSA-OAEP over the backend's raw RSA. */
#include "call_oaep.h"

/* Public and private keys have a modulus; some libraries put a zero in front of it. */
static CK_RV read_key_len(struct request *request, CK_SESSION_HANDLE native, size_t *len)
{
	CK_BYTE modulus[OAEP_KEY_MAX + 1];
	CK_ATTRIBUTE attribute = { CKA_MODULUS, modulus, sizeof(modulus) };

	if (request->functions->C_GetAttributeValue(
		    native, request->object.native, &attribute, 1) != CKR_OK)
		return CKR_KEY_TYPE_INCONSISTENT;
	size_t zeros = 0;

	while (zeros < attribute.ulValueLen && modulus[zeros] == 0)
		zeros++;
	*len = attribute.ulValueLen - zeros;
	return CKR_OK;
}

static CK_RV prepare(struct request *request, CK_SESSION_HANDLE native, struct oaep *oaep)
{
	size_t key_len = 0;

	TRY(read_key_len(request, native, &key_len));
	return oaep_begin(oaep, &request->mechanism, key_len);
}

CK_RV call_oaep_begin(
	struct request *request, enum operation operation, operation_key_init *init, CK_RV refusal)
{
	struct session *session = request->session;
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	CK_SESSION_HANDLE native = CK_INVALID_HANDLE;
	struct oaep oaep = { 0 };

	if (operation != OPERATION_ENCRYPT && operation != OPERATION_DECRYPT)
		return refusal;
	if (!oaep_may_replace(request->mechanism.mechanism, refusal))
		return refusal;
	TRY(session_native(session, &native));
	CK_RV rv = prepare(request, native, &oaep);

	/* Only a key that may do raw RSA, as the backend judges it. */
	if (rv == CKR_OK)
		rv = init(native, &raw, request->object.native);
	if (rv != CKR_OK) {
		session_release(session, session->active == 0);
		return rv == CKR_MECHANISM_INVALID ? refusal : rv;
	}
	session->active |= operation_bit(operation);
	*(operation == OPERATION_ENCRYPT ? &session->encrypt : &session->decrypt) = oaep;
	return CKR_OK;
}

/* True when the caller's buffer is no reason to go on; the lengths depend on nothing secret. */
static bool only_length(struct request *request, size_t needed, CK_RV *rv)
{
	bool query = !request->call->has_room;

	if (!query && request->call->room >= needed)
		return false;
	*rv = query ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	operation_give(request, NULL, needed, *rv);
	return true;
}

static CK_RV encrypt(struct request *request, const struct oaep *oaep)
{
	CK_BYTE *block = arena_take(request->arena, oaep->key_len);
	CK_BYTE *result = arena_take(request->arena, oaep->key_len);
	CK_ULONG len = oaep->key_len;

	if (!block || !result)
		return CKR_HOST_MEMORY;
	TRY(oaep_pad(oaep, request->call->data, block));
	TRY(request->functions->C_Encrypt(
		request->session->native, block, oaep->key_len, result, &len));
	if (len > oaep->key_len)
		return CKR_DEVICE_ERROR;
	operation_give(request, result, len, CKR_OK);
	return CKR_OK;
}

CK_RV call_oaep_encrypt(struct request *request)
{
	struct session *session = request->session;
	CK_RV rv = CKR_OK;

	if (only_length(request, session->encrypt.key_len, &rv))
		return rv;
	rv = encrypt(request, &session->encrypt);
	return operation_settle(session, operation_bit(OPERATION_ENCRYPT), false, rv);
}

/* A number beyond the modulus is no secret, but it is nothing else than a wrong block either. */
static CK_RV decrypt_raw(struct request *request, CK_BYTE *block, CK_ULONG *len)
{
	CK_ULONG room = *len;
	struct bytes encrypted = request->call->data;
	CK_RV rv = request->functions->C_Decrypt(
		request->session->native, call_input(encrypted), encrypted.len, block, len);

	if (rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DATA_INVALID)
		return CKR_ENCRYPTED_DATA_INVALID;
	return rv == CKR_OK && *len > room ? CKR_DEVICE_ERROR : rv;
}

static CK_RV decrypt(struct request *request, const struct oaep *oaep)
{
	CK_BYTE *block = arena_take(request->arena, oaep->key_len);
	CK_BYTE *message = arena_take(request->arena, oaep->key_len);
	CK_ULONG block_len = oaep->key_len, len = 0;

	if (!block || !message)
		return CKR_HOST_MEMORY;
	if (request->call->data.len != oaep->key_len)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	TRY(decrypt_raw(request, block, &block_len));
	TRY(oaep_unpad(oaep, bytes_of(block, block_len), message, &len));
	operation_give(request, message, len, CKR_OK);
	return CKR_OK;
}

CK_RV call_oaep_decrypt(struct request *request)
{
	struct session *session = request->session;
	CK_RV rv = CKR_OK;

	if (only_length(request, oaep_room(&session->decrypt), &rv))
		return rv;
	rv = decrypt(request, &session->decrypt);
	return operation_settle(session, operation_bit(OPERATION_DECRYPT), false, rv);
}
