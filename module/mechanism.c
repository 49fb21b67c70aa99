/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanism parameters that hold pointers, flattened for the wire by one table; all others are
 * opaque bytes. */
#include "mechanism.h"

enum { POINTERS_MAX = 2 };

/* Where a structure keeps a pointer and the length of what it names; what follows stays in this
 * order. */
struct pointer {
	size_t data;
	size_t len;
};

struct shape {
	size_t size;
	size_t count;
	struct pointer pointers[POINTERS_MAX];
};

#define POINTER(type, member_data, member_len)                                                     \
	{                                                                                          \
		offsetof(type, member_data), offsetof(type, member_len)                            \
	}

static const struct shape shape_oaep = { sizeof(CK_RSA_PKCS_OAEP_PARAMS), 1,
	{ POINTER(CK_RSA_PKCS_OAEP_PARAMS, pSourceData, ulSourceDataLen) } };

static const struct shape shape_ecdh = { sizeof(CK_ECDH1_DERIVE_PARAMS), 2,
	{ POINTER(CK_ECDH1_DERIVE_PARAMS, pSharedData, ulSharedDataLen),
		POINTER(CK_ECDH1_DERIVE_PARAMS, pPublicData, ulPublicDataLen) } };

/* PKCS#11 2.20 to 2.40 before the errata of 2015 had no ulIvBits; the length tells the two apart.
 */
struct gcm_params_short {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulTagBits;
};

static const struct shape shape_gcm = { sizeof(CK_GCM_PARAMS), 2,
	{ POINTER(CK_GCM_PARAMS, pIv, ulIvLen), POINTER(CK_GCM_PARAMS, pAAD, ulAADLen) } };

static const struct shape shape_gcm_short = { sizeof(struct gcm_params_short), 2,
	{ POINTER(struct gcm_params_short, pIv, ulIvLen),
		POINTER(struct gcm_params_short, pAAD, ulAADLen) } };

static const struct shape shape_ccm = { sizeof(CK_CCM_PARAMS), 2,
	{ POINTER(CK_CCM_PARAMS, pNonce, ulNonceLen), POINTER(CK_CCM_PARAMS, pAAD, ulAADLen) } };

static const struct shape shape_poly1305 = { sizeof(CK_SALSA20_CHACHA20_POLY1305_PARAMS), 2,
	{ POINTER(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pNonce, ulNonceLen),
		POINTER(CK_SALSA20_CHACHA20_POLY1305_PARAMS, pAAD, ulAADLen) } };

static const struct shape shape_eddsa = { sizeof(CK_EDDSA_PARAMS), 1,
	{ POINTER(CK_EDDSA_PARAMS, pContextData, ulContextDataLen) } };

static const struct shape shape_aes_cbc_data = { sizeof(CK_AES_CBC_ENCRYPT_DATA_PARAMS), 1,
	{ POINTER(CK_AES_CBC_ENCRYPT_DATA_PARAMS, pData, length) } };

static const struct shape shape_des_cbc_data = { sizeof(CK_DES_CBC_ENCRYPT_DATA_PARAMS), 1,
	{ POINTER(CK_DES_CBC_ENCRYPT_DATA_PARAMS, pData, length) } };

static const struct shape shape_string_data = { sizeof(CK_KEY_DERIVATION_STRING_DATA), 1,
	{ POINTER(CK_KEY_DERIVATION_STRING_DATA, pData, ulLen) } };

static const struct shape shape_hkdf = { sizeof(CK_HKDF_PARAMS), 2,
	{ POINTER(CK_HKDF_PARAMS, pSalt, ulSaltLen), POINTER(CK_HKDF_PARAMS, pInfo, ulInfoLen) } };

static const struct {
	CK_MECHANISM_TYPE type;
	const struct shape *shape;
	const struct shape *alternative;
} mechanisms[] = {
	{ CKM_RSA_PKCS_OAEP, &shape_oaep, NULL },
	{ CKM_ECDH1_DERIVE, &shape_ecdh, NULL },
	{ CKM_ECDH1_COFACTOR_DERIVE, &shape_ecdh, NULL },
	{ CKM_AES_GCM, &shape_gcm, &shape_gcm_short },
	{ CKM_AES_CCM, &shape_ccm, NULL },
	{ CKM_CHACHA20_POLY1305, &shape_poly1305, NULL },
	{ CKM_EDDSA, &shape_eddsa, NULL },
	{ CKM_AES_CBC_ENCRYPT_DATA, &shape_aes_cbc_data, NULL },
	{ CKM_DES_CBC_ENCRYPT_DATA, &shape_des_cbc_data, NULL },
	{ CKM_DES3_CBC_ENCRYPT_DATA, &shape_des_cbc_data, NULL },
	{ CKM_AES_ECB_ENCRYPT_DATA, &shape_string_data, NULL },
	{ CKM_DES_ECB_ENCRYPT_DATA, &shape_string_data, NULL },
	{ CKM_DES3_ECB_ENCRYPT_DATA, &shape_string_data, NULL },
	{ CKM_CONCATENATE_BASE_AND_DATA, &shape_string_data, NULL },
	{ CKM_CONCATENATE_DATA_AND_BASE, &shape_string_data, NULL },
	{ CKM_XOR_BASE_AND_DATA, &shape_string_data, NULL },
	{ CKM_HKDF_DERIVE, &shape_hkdf, NULL },
	{ CKM_HKDF_DATA, &shape_hkdf, NULL },
};

/*
 * Their parameters hold pointers of a form we do not carry, or object handles, which mean something
 * else on the other side: their bytes must never travel as they are. Numbers, as headers name few.
 */
static const struct {
	CK_MECHANISM_TYPE first, last;
} not_carried[] = {
	{ 0x1d, 0x1d }, { 0x1f, 0x1f }, { 0x23, 0x2c }, { 0x2e, 0x2e }, /* ML-DSA, SLH-DSA */
	{ 0x34, 0x34 }, { 0x36, 0x3f },                                 /* SLH-DSA with hash */
	{ 0x31, 0x33 },                                                 /* X9.42 DH */
	{ 0x282, 0x282 }, { 0x291, 0x291 }, { 0x2a0, 0x2a0 },           /* one-time passwords */
	{ 0x332, 0x332 }, { 0x335, 0x335 },                             /* RC5 CBC */
	{ 0x360, 0x360 },                                               /* concatenate two keys */
	{ 0x371, 0x373 }, { 0x375, 0x378 },                             /* SSL 3, TLS */
	{ 0x3a0, 0x3ae }, { 0x3b0, 0x3b0 }, { 0x3c0, 0x3c0 },           /* PBE, SP 800-108 */
	{ 0x3d1, 0x3e3 }, { 0x3e5, 0x3e5 },                             /* WTLS, TLS 1.2 */
	{ 0x401, 0x401 }, { 0x500, 0x500 }, { 0x510, 0x512 },           /* OAEP set, CMS, KIP */
	{ 0x556, 0x557 }, { 0x566, 0x567 }, { 0x656, 0x657 },           /* …_ENCRYPT_DATA */
	{ 0x1009, 0x100a }, { 0x1012, 0x1012 },                         /* SKIPJACK, KEA */
	{ 0x1052, 0x1054 },                                         /* MQV, ECDH and RSA AES wrap */
	{ 0x1203, 0x1204 }, { 0x1226, 0x1226 },                     /* GOST, ChaCha20 */
	{ 0x2003, 0x2005 },                                         /* DSA domain parameters */
	{ 0x4020, 0x4020 }, { 0x4022, 0x4026 }, { 0x402e, 0x4031 }, /* Salsa20, X3DH, IKE */
};

static bool is_carried(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(not_carried); i++) {
		if (type >= not_carried[i].first && type <= not_carried[i].last)
			return false;
	}
	return true;
}

/* *shape stays NULL for opaque bytes; false when a parameter of this size cannot be carried. */
static bool find_shape(CK_MECHANISM_TYPE type, size_t size, const struct shape **shape)
{
	*shape = NULL;
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		const struct shape *alternative = mechanisms[i].alternative;

		if (mechanisms[i].type != type)
			continue;
		*shape = alternative && alternative->size == size ? alternative
								  : mechanisms[i].shape;
		return (*shape)->size == size;
	}
	return is_carried(type);
}

static bool is_shaped(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		if (mechanisms[i].type == type)
			return true;
	}
	return false;
}

/* Stands for a pointer that was not NULL. */
static const void *const flat_present = (const void *)(uintptr_t)1;

static void load(void *value, const void *structure, size_t offset, size_t size)
{
	memcpy(value, (const uint8_t *)structure + offset, size);
}

static void *load_pointer(const void *structure, const struct pointer *pointer)
{
	void *data;

	load(&data, structure, pointer->data, sizeof(data));
	return data;
}

static CK_ULONG load_len(const void *structure, const struct pointer *pointer)
{
	CK_ULONG len;

	load(&len, structure, pointer->len, sizeof(len));
	return len;
}

static void store_pointer(void *structure, const struct pointer *pointer, const void *data)
{
	memcpy((uint8_t *)structure + pointer->data, &data, sizeof(data));
}

/* Where every structure keeps its size in flat form, since one mechanism may know two of them. */
enum { FLAT_HEADER = sizeof(CK_ULONG) };

/* The bytes that a structure's pointers name must fit what is left; NULL names none. */
static bool take_named_len(
	const void *structure, const struct pointer *pointer, size_t *left, size_t *len)
{
	*len = load_len(structure, pointer);
	if (*len > *left || (*len > 0 && !load_pointer(structure, pointer)))
		return false;
	*left -= *len;
	return true;
}

static CK_RV flatten(const struct shape *shape, const void *structure, struct arena *arena,
	struct bytes *parameter)
{
	CK_ULONG size = shape->size;
	size_t left = SIZE_MAX / 2;
	size_t lens[POINTERS_MAX] = { 0 };

	for (size_t i = 0; i < shape->count; i++) {
		if (!take_named_len(structure, &shape->pointers[i], &left, &lens[i]))
			return CKR_MECHANISM_PARAM_INVALID;
	}
	size_t total = FLAT_HEADER + shape->size + (SIZE_MAX / 2 - left);
	uint8_t *flat = arena_take(arena, total);

	if (!flat)
		return CKR_HOST_MEMORY;
	uint8_t *next = flat + FLAT_HEADER + shape->size;

	memcpy(flat, &size, FLAT_HEADER);
	memcpy(flat + FLAT_HEADER, structure, shape->size);
	for (size_t i = 0; i < shape->count; i++) {
		const void *data = load_pointer(structure, &shape->pointers[i]);

		if (lens[i] > 0)
			memcpy(next, data, lens[i]);
		next += lens[i];
		/* An address is nobody else's business; whether there was one is. */
		store_pointer(flat + FLAT_HEADER, &shape->pointers[i], data ? flat_present : NULL);
	}
	*parameter = bytes_of(flat, total);
	return CKR_OK;
}

CK_RV mechanism_flatten(const CK_MECHANISM *mechanism, struct arena *arena, struct bytes *parameter)
{
	const struct shape *shape;

	if (!mechanism->pParameter && mechanism->ulParameterLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	/* Length 0 means "none" with any pointer: some callers leave one behind. */
	if (!mechanism->pParameter || mechanism->ulParameterLen == 0) {
		*parameter = bytes_of(mechanism->pParameter, 0);
		return CKR_OK;
	}
	if (!find_shape(mechanism->mechanism, mechanism->ulParameterLen, &shape))
		return CKR_MECHANISM_PARAM_INVALID;
	if (shape)
		return flatten(shape, mechanism->pParameter, arena, parameter);
	*parameter = bytes_of(mechanism->pParameter, mechanism->ulParameterLen);
	return CKR_OK;
}

static CK_RV rebuild_pointers(
	const struct shape *shape, uint8_t *structure, struct bytes named, struct arena *arena)
{
	size_t left = named.len;

	for (size_t i = 0; i < shape->count; i++) {
		const struct pointer *pointer = &shape->pointers[i];
		const uint8_t *next = named.data + (named.len - left);
		void *data = NULL;
		size_t len;

		if (!take_named_len(structure, pointer, &left, &len))
			return CKR_MECHANISM_PARAM_INVALID;
		if (load_pointer(structure, pointer)) {
			data = arena_copy(arena, next, len);
			if (!data)
				return CKR_HOST_MEMORY;
		}
		store_pointer(structure, pointer, data);
	}
	return left == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* A handle of the sender's would mean another key, perhaps somebody else's. */
static bool names_key(const struct shape *shape, const void *structure)
{
	CK_HKDF_PARAMS hkdf;

	if (shape != &shape_hkdf)
		return false;
	memcpy(&hkdf, structure, sizeof(hkdf));
	return hkdf.ulSaltType == CKF_HKDF_SALT_KEY;
}

static CK_RV unflatten(CK_MECHANISM_TYPE type, struct bytes parameter, struct arena *arena,
	CK_MECHANISM *mechanism)
{
	const struct shape *shape;
	CK_ULONG size;

	if (parameter.len < FLAT_HEADER)
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&size, parameter.data, FLAT_HEADER);
	if (size > parameter.len - FLAT_HEADER || !find_shape(type, size, &shape))
		return CKR_MECHANISM_PARAM_INVALID;
	uint8_t *structure = arena_copy(arena, parameter.data + FLAT_HEADER, size);

	if (!structure)
		return CKR_HOST_MEMORY;
	if (names_key(shape, structure))
		return CKR_MECHANISM_PARAM_INVALID;
	TRY(rebuild_pointers(shape, structure,
		bytes_of(parameter.data + FLAT_HEADER + size, parameter.len - FLAT_HEADER - size),
		arena));
	*mechanism = (CK_MECHANISM){ type, structure, size };
	return CKR_OK;
}

CK_RV mechanism_unflatten(CK_MECHANISM_TYPE type, struct bytes parameter, struct arena *arena,
	CK_MECHANISM *mechanism)
{
	*mechanism = (CK_MECHANISM){ .mechanism = type };
	if (parameter.len == 0)
		return CKR_OK;
	if (!is_carried(type))
		return CKR_MECHANISM_PARAM_INVALID;
	if (is_shaped(type))
		return unflatten(type, parameter, arena, mechanism);
	void *copy = arena_copy(arena, parameter.data, parameter.len);

	if (!copy)
		return CKR_HOST_MEMORY;
	mechanism->pParameter = copy;
	mechanism->ulParameterLen = parameter.len;
	return CKR_OK;
}
