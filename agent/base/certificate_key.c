/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys from the attribute values of PKCS#11 objects. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#include "certificate.h"
#include "cleanup.h"

enum { RSA_MODULUS_MAX_BYTES = 2048, RSA_EXPONENT_MAX_BYTES = 8, EC_VALUE_MAX_BYTES = 512 };

static struct bytes find_value(const CK_ATTRIBUTE *list, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < count; i++) {
		if (list[i].type == type && list[i].pValue &&
			list[i].ulValueLen != CK_UNAVAILABLE_INFORMATION)
			return bytes_of(list[i].pValue, list[i].ulValueLen);
	}
	return bytes_of(NULL, 0);
}

static EVP_PKEY *key_from_params(OSSL_LIB_CTX *lib, const char *type, OSSL_PARAM *params)
{
	CLEANUP(pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lib, type, "?provider=default");
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}

static EVP_PKEY *rsa_key(OSSL_LIB_CTX *lib, const CK_ATTRIBUTE *list, CK_ULONG count)
{
	struct bytes n = find_value(list, count, CKA_MODULUS);
	struct bytes e = find_value(list, count, CKA_PUBLIC_EXPONENT);

	if (n.len == 0 || n.len > RSA_MODULUS_MAX_BYTES || e.len == 0 ||
		e.len > RSA_EXPONENT_MAX_BYTES)
		return NULL;
	CLEANUP(bn) BIGNUM *modulus = BN_bin2bn(n.data, (int)n.len, NULL);
	CLEANUP(bn) BIGNUM *exponent = BN_bin2bn(e.data, (int)e.len, NULL);

	if (!modulus || !exponent || !BN_is_odd(modulus) || !BN_is_odd(exponent) ||
		BN_is_one(exponent))
		return NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;

	if (builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
		params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY *key = params ? key_from_params(lib, "RSA", params) : NULL;

	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

/* CKA_EC_POINT is a DER OCTET STRING (PKCS#11 3.0, 2.3.3), but some tokens give the bare point. */
static struct bytes unwrap_octets(struct bytes value)
{
	const unsigned char *content = value.data;
	long len = 0;
	int tag = 0, class = 0;

	if (value.len == 0)
		return value;
	(void)ERR_set_mark();
	int form = ASN1_get_object(&content, &len, &tag, &class, (long)value.len);

	(void)ERR_pop_to_mark();
	bool wrapped = form == 0 && class == V_ASN1_UNIVERSAL && tag == V_ASN1_OCTET_STRING &&
		       content + len == value.data + value.len;

	return wrapped ? bytes_of(content, (size_t)len) : value;
}

/* The short name of a DER OBJECT IDENTIFIER, NULL for any other value. */
static const char *named_curve(struct bytes parameters)
{
	const unsigned char *next = parameters.data;

	if (parameters.len == 0)
		return NULL;
	ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &next, (long)parameters.len);
	bool whole = object && next == parameters.data + parameters.len;
	int nid = whole ? OBJ_obj2nid(object) : NID_undef;

	ASN1_OBJECT_free(object);
	return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

static EVP_PKEY *ec_key(OSSL_LIB_CTX *lib, const CK_ATTRIBUTE *list, CK_ULONG count)
{
	const char *curve = named_curve(find_value(list, count, CKA_EC_PARAMS));
	struct bytes point = find_value(list, count, CKA_EC_POINT);

	if (!curve || point.len == 0 || point.len > EC_VALUE_MAX_BYTES)
		return NULL;
	struct bytes forms[] = { unwrap_octets(point), point };
	EVP_PKEY *key = NULL;

	/* A bare uncompressed point may look like an OCTET STRING: 04 is the first byte of both. */
	for (size_t i = 0; i < ARRAY_LEN(forms) && !key; i++) {
		OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
		OSSL_PARAM *params = NULL;

		if (builder &&
			OSSL_PARAM_BLD_push_utf8_string(
				builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
			OSSL_PARAM_BLD_push_octet_string(
				builder, OSSL_PKEY_PARAM_PUB_KEY, forms[i].data, forms[i].len))
			params = OSSL_PARAM_BLD_to_param(builder);
		key = params ? key_from_params(lib, "EC", params) : NULL;
		OSSL_PARAM_free(params);
		OSSL_PARAM_BLD_free(builder);
	}
	return key;
}

/* The length of the bare point tells the curve; its name is spelt in at least three ways. */
static EVP_PKEY *edwards_key(OSSL_LIB_CTX *lib, const CK_ATTRIBUTE *list, CK_ULONG count)
{
	static const struct {
		size_t len;
		const char *type;
	} curves[] = { { 32, "ED25519" }, { 57, "ED448" } };
	struct bytes value = find_value(list, count, CKA_EC_POINT);

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		struct bytes point = value.len == curves[i].len ? value : unwrap_octets(value);

		if (point.len == curves[i].len)
			return EVP_PKEY_new_raw_public_key_ex(
				lib, curves[i].type, "?provider=default", point.data, point.len);
	}
	return NULL;
}

EVP_PKEY *certificate_public_key(OSSL_LIB_CTX *lib, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	static const struct {
		CK_KEY_TYPE type;
		EVP_PKEY *(*make)(OSSL_LIB_CTX *lib, const CK_ATTRIBUTE *list, CK_ULONG count);
	} makers[] = {
		{ CKK_RSA, rsa_key },
		{ CKK_EC, ec_key },
		{ CKK_EC_EDWARDS, edwards_key },
	};
	struct bytes value = find_value(attributes, count, CKA_KEY_TYPE);
	CK_KEY_TYPE type;
	EVP_PKEY *key = NULL;

	if (value.len != sizeof(type))
		return NULL;
	memcpy(&type, value.data, sizeof(type));
	(void)ERR_set_mark();
	for (size_t i = 0; i < ARRAY_LEN(makers) && !key; i++) {
		if (makers[i].type == type)
			key = makers[i].make(lib, attributes, count);
	}
	(void)ERR_pop_to_mark();
	return key;
}
