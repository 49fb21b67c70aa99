/* SPDX-License-Identifier: Apache-2.0 */
/* A signer over one session of a function list, and the public key that belongs to a private one.
 */
#include <iothsm/iothsm.h>
#include <openssl/err.h>

#include "certificate.h"
#include "cleanup.h"
#include "key.h"
#include "key_hash.h"

enum { VALUE_MAX_BYTES = 64 * 1024, FOUND_MAX = 16, DIGEST_INFO_MAX = 19 + EVP_MAX_MD_SIZE };

static CK_RV sign_now(const struct key_session *session, CK_MECHANISM *mechanism,
	struct bytes message, uint8_t *signature, CK_ULONG *len)
{
	CK_BYTE *data = (CK_BYTE *)(uintptr_t)message.data; /* the prototype knows no const */
	CK_BYTE empty = 0;

	TRY(session->functions->C_SignInit(session->session, mechanism, session->private_key));
	return session->functions->C_Sign(
		session->session, data ? data : &empty, message.len, signature, len);
}

static bool hash_message(const struct key_hash *hash, struct bytes message, uint8_t *digest)
{
	size_t len = 0;

	return EVP_Q_digest(key_library(), hash->name, NULL, message.data, message.len, digest,
		       &len) == 1 &&
	       len == hash->size;
}

static CK_RV sign_hashed_here(const struct key_session *session, const CK_MECHANISM *mechanism,
	struct bytes message, uint8_t *signature, CK_ULONG *len)
{
	const struct key_hash *hash = key_hash_by_mechanism(mechanism->mechanism);
	uint8_t input[DIGEST_INFO_MAX];
	CK_MECHANISM raw = *mechanism;
	size_t prefix = 0;

	if (!hash)
		return CKR_MECHANISM_INVALID;
	raw.mechanism = mechanism->mechanism == hash->ecdsa ? CKM_ECDSA : CKM_RSA_PKCS_PSS;
	if (mechanism->mechanism == hash->rsa) {
		raw.mechanism = CKM_RSA_PKCS;
		prefix = sizeof(hash->prefix);
		memcpy(input, hash->prefix, prefix);
	}
	if (!hash_message(hash, message, input + prefix))
		return CKR_HOST_MEMORY;
	return sign_now(session, &raw, bytes_of(input, prefix + hash->size), signature, len);
}

CK_RV key_sign_in_session(void *key_session, CK_MECHANISM *mechanism, struct bytes message,
	uint8_t *signature, CK_ULONG *len)
{
	const struct key_session *session = key_session;
	CK_ULONG room = *len;

	/* A token in this process may share its libcrypto, and leave errors in our thread's queue.
	 */
	(void)ERR_set_mark();
	CK_RV rv = sign_now(session, mechanism, message, signature, len);

	if (rv == CKR_MECHANISM_INVALID) {
		*len = room;
		rv = sign_hashed_here(session, mechanism, message, signature, len);
	}
	(void)ERR_pop_to_mark();
	return rv;
}

/* One value, freed by the caller; absent and empty values are a failure. */
static CK_RV read_value(const struct key_session *session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *value)
{
	CK_FUNCTION_LIST *functions = session->functions;
	CK_ATTRIBUTE asked = { type, NULL, 0 };

	TRY(functions->C_GetAttributeValue(session->session, object, &asked, 1));
	if (asked.ulValueLen == 0 || asked.ulValueLen > VALUE_MAX_BYTES)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	asked.pValue = malloc(asked.ulValueLen);
	if (!asked.pValue)
		return CKR_HOST_MEMORY;
	CK_RV rv = functions->C_GetAttributeValue(session->session, object, &asked, 1);

	if (rv != CKR_OK)
		free(asked.pValue);
	else
		*value = asked;
	return rv;
}

/* The key that these attributes of the object make; NULL when they do not. */
static EVP_PKEY *read_key(const struct key_session *session, CK_OBJECT_HANDLE object,
	CK_KEY_TYPE type, const CK_ATTRIBUTE_TYPE types[2])
{
	CK_ATTRIBUTE list[3] = { { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_ULONG count = 1;
	EVP_PKEY *key = NULL;

	while (count < ARRAY_LEN(list) &&
		read_value(session, object, types[count - 1], &list[count]) == CKR_OK)
		count++;
	if (count == ARRAY_LEN(list))
		key = certificate_public_key(key_library(), list, count);
	while (--count > 0)
		free(list[count].pValue);
	return key;
}

static EVP_PKEY *read_public_values(
	const struct key_session *session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type)
{
	static const CK_ATTRIBUTE_TYPE rsa[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT };
	static const CK_ATTRIBUTE_TYPE ec[] = { CKA_EC_PARAMS, CKA_EC_POINT };

	return read_key(session, object, type, type == CKK_RSA ? rsa : ec);
}

static EVP_PKEY *read_certificate(
	const struct key_session *session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type)
{
	static const struct {
		CK_KEY_TYPE type;
		const char *name;
	} names[] = { { CKK_RSA, "RSA" }, { CKK_EC, "EC" }, { CKK_EC_EDWARDS, "ED25519" },
		{ CKK_EC_EDWARDS, "ED448" } };
	CK_ATTRIBUTE value;

	if (read_value(session, object, CKA_VALUE, &value) != CKR_OK)
		return NULL;
	CLEANUP(x509)
	X509 *cert = certificate_parse(key_library(), bytes_of(value.pValue, value.ulValueLen));
	EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;

	free(value.pValue);
	for (size_t i = 0; key && i < ARRAY_LEN(names); i++) {
		if (names[i].type == type && EVP_PKEY_is_a(key, names[i].name))
			return EVP_PKEY_up_ref(key) == 1 ? key : NULL;
	}
	return NULL;
}

static CK_RV find_objects(const struct key_session *session, CK_ATTRIBUTE *wanted, CK_ULONG count,
	CK_OBJECT_HANDLE found[FOUND_MAX], CK_ULONG *found_count)
{
	CK_FUNCTION_LIST *functions = session->functions;

	TRY(functions->C_FindObjectsInit(session->session, wanted, count));
	CK_RV rv = functions->C_FindObjects(session->session, found, FOUND_MAX, found_count);
	CK_RV ended = functions->C_FindObjectsFinal(session->session);

	return rv != CKR_OK ? rv : ended;
}

/* The first object of the class with this CKA_ID that yields a key. */
static CK_RV find_by_id(const struct key_session *session, CK_OBJECT_CLASS class, CK_KEY_TYPE type,
	const CK_ATTRIBUTE *id, EVP_PKEY **key)
{
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		*id,
		{ CKA_KEY_TYPE, &type, sizeof(type) },
	};
	CK_ULONG count = class == CKO_PUBLIC_KEY ? 3 : 2;
	CK_OBJECT_HANDLE found[FOUND_MAX];
	CK_ULONG found_count = 0;

	TRY(find_objects(session, wanted, count, found, &found_count));
	for (CK_ULONG i = 0; i < found_count && i < FOUND_MAX && !*key; i++)
		*key = class == CKO_PUBLIC_KEY ? read_public_values(session, found[i], type)
					       : read_certificate(session, found[i], type);
	return CKR_OK;
}

static CK_RV find_public(const struct key_session *session, CK_KEY_TYPE type, EVP_PKEY **key)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_CERTIFICATE };
	CK_ATTRIBUTE id;

	if (type == CKK_RSA)
		*key = read_public_values(session, session->private_key, type);
	if (*key || read_value(session, session->private_key, CKA_ID, &id) != CKR_OK)
		return CKR_OK;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < ARRAY_LEN(classes) && !*key && rv == CKR_OK; i++)
		rv = find_by_id(session, classes[i], type, &id, key);
	free(id.pValue);
	return rv;
}

CK_RV key_find_public(const struct key_session *session, EVP_PKEY **public_key)
{
	EVP_PKEY *key = NULL;
	CK_ATTRIBUTE type;
	CK_KEY_TYPE key_type = 0;

	(void)ERR_set_mark();
	CK_RV rv = read_value(session, session->private_key, CKA_KEY_TYPE, &type);

	if (rv == CKR_OK) {
		memcpy(&key_type, type.pValue,
			type.ulValueLen < sizeof(key_type) ? type.ulValueLen : sizeof(key_type));
		free(type.pValue);
		rv = find_public(session, key_type, &key);
	}
	(void)ERR_pop_to_mark();
	TRY(rv);
	if (!key)
		return CKR_IOTHSM_NO_KEY;
	*public_key = key;
	return CKR_OK;
}
