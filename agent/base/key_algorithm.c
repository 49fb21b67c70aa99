/* SPDX-License-Identifier: Apache-2.0 */
/* What a signature is made with, as OpenSSL parameters, PKCS#11 mechanism and AlgorithmIdentifier.
 */
#include "key_algorithm.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

const OSSL_PARAM key_algorithm_params[] = {
	OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
	OSSL_PARAM_END,
};

/* Parameters that come as an integer from C callers and as text from the command line. */
struct spelling {
	const char *text;
	int value;
};

static const struct spelling paddings[] = {
	{ OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING },
	{ OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING },
	{ NULL, 0 },
};

static const struct spelling salts[] = {
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST },
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO },
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX },
	{ NULL, 0 },
};

static bool read_number(const char *text, int *value)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || *end || number < 0 || number > 4096)
		return false;
	*value = (int)number;
	return true;
}

static bool read_spelt(const OSSL_PARAM *param, const struct spelling *spellings, int *value)
{
	const char *text;

	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(param, value) == 1;
	if (OSSL_PARAM_get_utf8_string_ptr(param, &text) != 1)
		return false;
	for (; spellings->text; spellings++) {
		if (strcmp(spellings->text, text) == 0) {
			*value = spellings->value;
			return true;
		}
	}
	return read_number(text, value);
}

static bool write_spelt(OSSL_PARAM *param, const struct spelling *spellings, int value)
{
	char number[16];

	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_set_int(param, value) == 1;
	while (spellings->text && spellings->value != value)
		spellings++;
	(void)snprintf(number, sizeof(number), "%d", value);
	return OSSL_PARAM_set_utf8_string(param, spellings->text ? spellings->text : number) == 1;
}

static bool is_edwards(const struct key_algorithm *algorithm)
{
	return strncmp(algorithm->type, "ED", 2) == 0;
}

static bool is_rsa(const struct key_algorithm *algorithm)
{
	return strcmp(algorithm->type, "RSA") == 0;
}

bool key_algorithm_set_digest(struct key_algorithm *algorithm, const char *name)
{
	if (!name || name[0] == '\0')
		return true;
	algorithm->hash = is_edwards(algorithm) ? NULL : key_hash_by_name(name);
	return algorithm->hash;
}

static bool set_digest(struct key_algorithm *algorithm, const OSSL_PARAM *param)
{
	const char *name;

	return OSSL_PARAM_get_utf8_string_ptr(param, &name) == 1 &&
	       key_algorithm_set_digest(algorithm, name);
}

static bool set_mask(struct key_algorithm *algorithm, const OSSL_PARAM *param)
{
	const char *name;

	if (!is_rsa(algorithm) || OSSL_PARAM_get_utf8_string_ptr(param, &name) != 1)
		return false;
	algorithm->mask = key_hash_by_name(name);
	return algorithm->mask;
}

static bool set_padding(struct key_algorithm *algorithm, const OSSL_PARAM *param)
{
	int padding;

	if (!is_rsa(algorithm) || !read_spelt(param, paddings, &padding) ||
		(padding != RSA_PKCS1_PADDING && padding != RSA_PKCS1_PSS_PADDING))
		return false;
	algorithm->pss = padding == RSA_PKCS1_PSS_PADDING;
	return true;
}

static bool set_salt(struct key_algorithm *algorithm, const OSSL_PARAM *param)
{
	int len;

	if (!is_rsa(algorithm) || !read_spelt(param, salts, &len) || len < RSA_PSS_SALTLEN_MAX)
		return false;
	algorithm->salt_len = len;
	return true;
}

int key_algorithm_set(struct key_algorithm *algorithm, const OSSL_PARAM params[])
{
	static const struct {
		const char *name;
		bool (*set)(struct key_algorithm *algorithm, const OSSL_PARAM *param);
	} setters[] = {
		{ OSSL_SIGNATURE_PARAM_DIGEST, set_digest },
		{ OSSL_SIGNATURE_PARAM_PAD_MODE, set_padding },
		{ OSSL_SIGNATURE_PARAM_PSS_SALTLEN, set_salt },
		{ OSSL_SIGNATURE_PARAM_MGF1_DIGEST, set_mask },
	};

	for (size_t i = 0; params && i < ARRAY_LEN(setters); i++) {
		const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, setters[i].name);

		if (param && !setters[i].set(algorithm, param))
			return 0;
	}
	return 1;
}

static const struct key_hash *mask_hash(const struct key_algorithm *algorithm)
{
	return algorithm->mask ? algorithm->mask : algorithm->hash;
}

/* In bytes; negative when the key is too short for this hash. */
static int salt_bytes(const struct key_algorithm *algorithm, const EVP_PKEY *key)
{
	int hash_len = (int)algorithm->hash->size;
	int max = (EVP_PKEY_get_bits(key) - 1 + 7) / 8 - hash_len - 2;
	int wanted = algorithm->salt_len;

	if (wanted == RSA_PSS_SALTLEN_MAX)
		return max;
	if (wanted == RSA_PSS_SALTLEN_DIGEST || wanted == RSA_PSS_SALTLEN_AUTO)
		wanted = hash_len;
	return wanted <= max ? wanted : -1;
}

/* RFC 5756: sha256WithRSAEncryption and its like carry NULL; ecdsa-with-SHA256 and Ed25519 nothing.
 */
static X509_ALGOR *plain_identifier(const struct key_algorithm *algorithm, int key_nid)
{
	X509_ALGOR *identifier = X509_ALGOR_new();
	int nid = key_nid;

	if (!is_edwards(algorithm) && !OBJ_find_sigid_by_algs(&nid, algorithm->hash->nid, key_nid))
		nid = NID_undef;
	if (identifier && nid != NID_undef &&
		X509_ALGOR_set0(identifier, OBJ_nid2obj(nid),
			is_rsa(algorithm) ? V_ASN1_NULL : V_ASN1_UNDEF, NULL) == 1)
		return identifier;
	X509_ALGOR_free(identifier);
	return NULL;
}

static bool fill_pss(
	RSA_PSS_PARAMS *pss, const struct key_hash *hash, const struct key_hash *mask, int salt_len)
{
	X509_ALGOR *inner = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;

	pss->hashAlgorithm = X509_ALGOR_new();
	pss->maskGenAlgorithm = X509_ALGOR_new();
	pss->saltLength = ASN1_INTEGER_new();
	bool filled = inner && pss->hashAlgorithm && pss->maskGenAlgorithm && pss->saltLength &&
		      X509_ALGOR_set0(
			      pss->hashAlgorithm, OBJ_nid2obj(hash->nid), V_ASN1_NULL, NULL) == 1 &&
		      X509_ALGOR_set0(inner, OBJ_nid2obj(mask->nid), V_ASN1_NULL, NULL) == 1 &&
		      ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), &packed) &&
		      X509_ALGOR_set0(pss->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE,
			      packed) == 1;

	X509_ALGOR_free(inner);
	if (!filled)
		ASN1_STRING_free(packed);
	return filled && ASN1_INTEGER_set(pss->saltLength, salt_len) == 1;
}

static X509_ALGOR *pss_identifier(const struct key_algorithm *algorithm, const EVP_PKEY *key)
{
	int salt_len = salt_bytes(algorithm, key);
	RSA_PSS_PARAMS *pss = salt_len < 0 ? NULL : RSA_PSS_PARAMS_new();
	X509_ALGOR *identifier = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;
	bool made = pss && identifier &&
		    fill_pss(pss, algorithm->hash, mask_hash(algorithm), salt_len) &&
		    ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &packed) &&
		    X509_ALGOR_set0(
			    identifier, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed) == 1;

	RSA_PSS_PARAMS_free(pss);
	if (made)
		return identifier;
	ASN1_STRING_free(packed);
	X509_ALGOR_free(identifier);
	return NULL;
}

static bool put_identifier(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, OSSL_PARAM *param)
{
	if (!algorithm->hash && !is_edwards(algorithm))
		return false;
	X509_ALGOR *identifier = algorithm->pss ? pss_identifier(algorithm, key)
						: plain_identifier(algorithm, EVP_PKEY_get_id(key));
	unsigned char *der = NULL;
	int len = identifier ? i2d_X509_ALGOR(identifier, &der) : -1;
	bool put = len > 0 && OSSL_PARAM_set_octet_string(param, der, (size_t)len) == 1;

	OPENSSL_free(der);
	X509_ALGOR_free(identifier);
	return put;
}

static bool put_digest(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, OSSL_PARAM *param)
{
	(void)key;
	return OSSL_PARAM_set_utf8_string(param, algorithm->hash ? algorithm->hash->name : "") == 1;
}

static bool put_mask(const struct key_algorithm *algorithm, const EVP_PKEY *key, OSSL_PARAM *param)
{
	const struct key_hash *mask = mask_hash(algorithm);

	(void)key;
	return OSSL_PARAM_set_utf8_string(param, mask ? mask->name : "") == 1;
}

static bool put_padding(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, OSSL_PARAM *param)
{
	(void)key;
	return is_rsa(algorithm) &&
	       write_spelt(
		       param, paddings, algorithm->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
}

static bool put_salt(const struct key_algorithm *algorithm, const EVP_PKEY *key, OSSL_PARAM *param)
{
	(void)key;
	return is_rsa(algorithm) && write_spelt(param, salts, algorithm->salt_len);
}

int key_algorithm_get(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, OSSL_PARAM params[])
{
	static const struct {
		const char *name;
		bool (*put)(const struct key_algorithm *algorithm, const EVP_PKEY *key,
			OSSL_PARAM *param);
	} getters[] = {
		{ OSSL_SIGNATURE_PARAM_ALGORITHM_ID, put_identifier },
		{ OSSL_SIGNATURE_PARAM_DIGEST, put_digest },
		{ OSSL_SIGNATURE_PARAM_PAD_MODE, put_padding },
		{ OSSL_SIGNATURE_PARAM_PSS_SALTLEN, put_salt },
		{ OSSL_SIGNATURE_PARAM_MGF1_DIGEST, put_mask },
	};

	for (size_t i = 0; params && i < ARRAY_LEN(getters); i++) {
		OSSL_PARAM *param = OSSL_PARAM_locate(params, getters[i].name);

		if (param && !getters[i].put(algorithm, key, param))
			return 0;
	}
	return 1;
}

static bool pss_mechanism(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, struct key_mechanism *out)
{
	int salt_len = salt_bytes(algorithm, key);

	if (salt_len < 0)
		return false;
	out->pss = (CK_RSA_PKCS_PSS_PARAMS){ algorithm->hash->digest, mask_hash(algorithm)->mgf,
		(CK_ULONG)salt_len };
	out->mechanism = (CK_MECHANISM){ algorithm->hash->pss, &out->pss, sizeof(out->pss) };
	return true;
}

bool key_algorithm_mechanism(
	const struct key_algorithm *algorithm, const EVP_PKEY *key, struct key_mechanism *out)
{
	if (is_edwards(algorithm)) {
		out->mechanism = (CK_MECHANISM){ CKM_EDDSA, NULL, 0 };
		return true;
	}
	if (!algorithm->hash)
		return false;
	if (algorithm->pss)
		return pss_mechanism(algorithm, key, out);
	out->mechanism =
		(CK_MECHANISM){ is_rsa(algorithm) ? algorithm->hash->rsa : algorithm->hash->ecdsa,
			NULL, 0 };
	return true;
}
