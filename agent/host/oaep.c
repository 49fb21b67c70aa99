/* SPDX-License-Identifier: Apache-2.0 */
/* RSA-OAEP with parameters that the backend does not take: the host pads, the backend does raw RSA.
 */
#include "oaep.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

/* Only the low-level calls pad without an RSA key; OpenSSL keeps them free of timing differences.
 */
struct oaep_hash {
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mask;
	size_t len;
	const EVP_MD *(*digest)(void);
};

static const struct oaep_hash hashes[] = {
	{ CKM_SHA_1, CKG_MGF1_SHA1, 20, EVP_sha1 },
	{ CKM_SHA224, CKG_MGF1_SHA224, 28, EVP_sha224 },
	{ CKM_SHA256, CKG_MGF1_SHA256, 32, EVP_sha256 },
	{ CKM_SHA384, CKG_MGF1_SHA384, 48, EVP_sha384 },
	{ CKM_SHA512, CKG_MGF1_SHA512, 64, EVP_sha512 },
};

static const struct oaep_hash *find_hash(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].hash == type)
			return &hashes[i];
	return NULL;
}

static const struct oaep_hash *find_mask(CK_RSA_PKCS_MGF_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].mask == type)
			return &hashes[i];
	return NULL;
}

bool oaep_may_replace(CK_MECHANISM_TYPE type, CK_RV rv)
{
	return type == CKM_RSA_PKCS_OAEP &&
	       (rv == CKR_ARGUMENTS_BAD || rv == CKR_MECHANISM_PARAM_INVALID);
}

bool oaep_is_labelled(const CK_MECHANISM *mechanism)
{
	const CK_RSA_PKCS_OAEP_PARAMS *params = mechanism->pParameter;

	return mechanism->mechanism == CKM_RSA_PKCS_OAEP && params &&
	       mechanism->ulParameterLen == sizeof(*params) && params->ulSourceDataLen > 0;
}

/* No label is as good as an empty one, whatever the source says of it. */
static bool label_is_sound(const CK_RSA_PKCS_OAEP_PARAMS *params)
{
	if (params->ulSourceDataLen == 0)
		return params->source == CKZ_DATA_SPECIFIED || params->source == 0;
	return params->source == CKZ_DATA_SPECIFIED && params->pSourceData &&
	       params->ulSourceDataLen <= OAEP_LABEL_MAX;
}

CK_RV oaep_begin(struct oaep *oaep, const CK_MECHANISM *mechanism, size_t key_len)
{
	const CK_RSA_PKCS_OAEP_PARAMS *params = mechanism->pParameter;

	if (!params || mechanism->ulParameterLen != sizeof(*params) || !label_is_sound(params))
		return CKR_MECHANISM_PARAM_INVALID;
	struct oaep made = { .hash = find_hash(params->hashAlg),
		.mask = find_mask(params->mgf),
		.key_len = key_len,
		.label_len = params->ulSourceDataLen };

	if (!made.hash || !made.mask)
		return CKR_MECHANISM_PARAM_INVALID;
	if (key_len > OAEP_KEY_MAX || key_len <= 2 * made.hash->len + 2)
		return CKR_KEY_SIZE_RANGE;
	if (made.label_len > 0)
		memcpy(made.label, params->pSourceData, made.label_len);
	*oaep = made;
	return CKR_OK;
}

void oaep_end(struct oaep *oaep)
{
	*oaep = (struct oaep){ 0 };
}

size_t oaep_room(const struct oaep *oaep)
{
	return oaep->key_len - 2 * oaep->hash->len - 2;
}

CK_RV oaep_pad(const struct oaep *oaep, struct bytes message, uint8_t *block)
{
	if (message.len > oaep_room(oaep))
		return CKR_DATA_LEN_RANGE;
	int padded = RSA_padding_add_PKCS1_OAEP_mgf1(block, (int)oaep->key_len, message.data,
		(int)message.len, oaep->label, (int)oaep->label_len, oaep->hash->digest(),
		oaep->mask->digest());

	return padded == 1 ? CKR_OK : CKR_FUNCTION_FAILED;
}

CK_RV oaep_unpad(const struct oaep *oaep, struct bytes block, uint8_t *message, CK_ULONG *len)
{
	if (block.len > oaep->key_len)
		return CKR_DEVICE_ERROR;
	int found = RSA_padding_check_PKCS1_OAEP_mgf1(message, (int)oaep_room(oaep), block.data,
		(int)block.len, (int)oaep->key_len, oaep->label, (int)oaep->label_len,
		oaep->hash->digest(), oaep->mask->digest());

	if (found < 0)
		return CKR_ENCRYPTED_DATA_INVALID;
	*len = (CK_ULONG)found;
	return CKR_OK;
}
