/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanisms, templates, lengths and buffers, right and wrong ones, by a generator with a seed. */
#include <string.h>

#include "bytes.h"
#include "lockstep.h"

static uint64_t state;

static CK_BYTE data[LOCKSTEP_ROOM];
static CK_BYTE iv[16];
static CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
static CK_GCM_PARAMS gcm = { iv, 12, 96, data, 20, 128 };
static CK_AES_CTR_PARAMS ctr = { 32, { 1, 2, 3 } };
static CK_KEY_DERIVATION_STRING_DATA string = { data, 32 };

static const struct {
	CK_MECHANISM mechanism;
	bool repeatable;
} mechanisms[] = {
	{ { CKM_SHA256, NULL, 0 }, true },
	{ { CKM_SHA512, NULL, 0 }, true },
	{ { CKM_MD5, NULL, 0 }, true },
	{ { CKM_SHA256_HMAC, NULL, 0 }, true },
	{ { CKM_AES_CMAC, NULL, 0 }, true },
	{ { CKM_RSA_PKCS, NULL, 0 }, false },
	{ { CKM_RSA_X_509, NULL, 0 }, true },
	{ { CKM_SHA1_RSA_PKCS, NULL, 0 }, true },
	{ { CKM_SHA256_RSA_PKCS, NULL, 0 }, true },
	{ { CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof(pss) }, false },
	{ { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) }, false },
	{ { CKM_ECDSA, NULL, 0 }, false },
	{ { CKM_AES_ECB, NULL, 0 }, true },
	{ { CKM_AES_CBC, iv, 16 }, true },
	{ { CKM_AES_CBC, iv, 15 }, true },
	{ { CKM_AES_CBC_PAD, iv, 16 }, true },
	{ { CKM_AES_CTR, &ctr, sizeof(ctr) }, true },
	{ { CKM_AES_GCM, &gcm, sizeof(gcm) }, true },
	{ { CKM_AES_KEY_WRAP, NULL, 0 }, true },
	{ { CKM_AES_ECB_ENCRYPT_DATA, &string, sizeof(string) }, true },
	{ { CKM_AES_KEY_GEN, NULL, 0 }, false },
	{ { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 }, false },
	{ { 0x7abcdef, NULL, 0 }, false },
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS class_data = CKO_DATA, class_secret = CKO_SECRET_KEY, class_odd = 0x7777;
static CK_KEY_TYPE type_aes = CKK_AES, type_generic = CKK_GENERIC_SECRET, type_ec = CKK_EC;
static CK_ULONG len_16 = 16, len_32 = 32;

/* What a template begins with, and how much of it. */
static CK_ATTRIBUTE aes[] = { { CKA_CLASS, &class_secret, sizeof(class_secret) },
	{ CKA_KEY_TYPE, &type_aes, sizeof(type_aes) }, { CKA_VALUE, data, 16 } };
static CK_ATTRIBUTE generic[] = { { CKA_CLASS, &class_secret, sizeof(class_secret) },
	{ CKA_KEY_TYPE, &type_generic, sizeof(type_generic) }, { CKA_VALUE, data, 32 } };
/* No half of a pair, whatever its type says. */
static CK_ATTRIBUTE odd[] = { { CKA_CLASS, &class_secret, sizeof(class_secret) },
	{ CKA_KEY_TYPE, &type_ec, sizeof(type_ec) }, { CKA_VALUE, data, 32 } };
static CK_ATTRIBUTE plain[] = { { CKA_CLASS, &class_data, sizeof(class_data) },
	{ CKA_VALUE, data, 40 } };
static CK_ATTRIBUTE made[] = { { CKA_VALUE_LEN, &len_32, sizeof(len_32) } };

static const struct {
	const CK_ATTRIBUTE *list;
	CK_ULONG count;
} beginnings[] = { { aes, 3 }, { generic, 3 }, { plain, 2 }, { odd, 3 }, { generic, 2 },
	{ made, 1 }, { aes, 0 } };

static const CK_ATTRIBUTE additions[] = { { CKA_TOKEN, &no, 1 }, { CKA_TOKEN, &yes, 1 },
	{ CKA_PRIVATE, &no, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &no, 1 },
	{ CKA_EXTRACTABLE, &yes, 1 }, { CKA_MODIFIABLE, &no, 1 }, { CKA_ENCRYPT, &yes, 1 },
	{ CKA_SIGN, &no, 1 }, { CKA_WRAP, &yes, 1 }, { CKA_DERIVE, &yes, 1 },
	{ CKA_LABEL, data, 5 }, { CKA_LABEL, data, 300 }, { CKA_ID, data, 2 },
	{ CKA_VALUE_LEN, &len_16, sizeof(len_16) }, { 0x80004444, data, 4 },
	{ CKA_MODULUS, data, 128 }, { CKA_CLASS, &class_odd, sizeof(class_odd) } };

static const CK_ATTRIBUTE_TYPE queried[] = { CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_ID,
	CKA_VALUE, CKA_VALUE_LEN, CKA_KEY_TYPE, CKA_MODULUS, CKA_PRIVATE_EXPONENT, CKA_EC_POINT,
	CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALLOWED_MECHANISMS, CKA_START_DATE, 0x80004444 };

void draw_seed(uint64_t seed)
{
	state = (seed * 0x9e3779b97f4a7c15ULL) | 1;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (CK_BYTE)(i * 7 + i / 256 + 1);
}

size_t draw_below(size_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state >> 11) % limit;
}

bool draw_chance(unsigned int percent)
{
	return draw_below(100) < percent;
}

/* SoftHSM2 takes the second value of a type that comes twice, which we refuse. */
static bool has(const struct draw *draw, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < draw->template_count; i++)
		if (draw->template[i].type == type)
			return true;
	return false;
}

static void begin_template(struct draw *draw, size_t which)
{
	draw->template_count = beginnings[which].count;
	memcpy(draw->template, beginnings[which].list, draw->template_count * sizeof(CK_ATTRIBUTE));
}

static void add_to_template(struct draw *draw, size_t first, size_t choices)
{
	const CK_ATTRIBUTE *addition = &additions[first + draw_below(choices)];

	if (!has(draw, addition->type))
		draw->template[draw->template_count++] = *addition;
}

void draw_object(struct draw *draw)
{
	*draw = (struct draw){ 0 };
	begin_template(draw, draw_below(3));
	add_to_template(draw, 0, 2);
	add_to_template(draw, 2, 2);
}

static void draw_query(struct draw *draw)
{
	static const CK_ULONG rooms[] = { 0, 1, 4, 8, 32, LOCKSTEP_VALUE, LOCKSTEP_VALUE };

	draw->query_count = draw_below(LOCKSTEP_ATTRIBUTES);
	for (CK_ULONG i = 0; i < draw->query_count; i++)
		draw->query[i] = (CK_ATTRIBUTE){ queried[draw_below(ARRAY_LEN(queried))],
			draw_chance(25) ? NULL : data, rooms[draw_below(ARRAY_LEN(rooms))] };
}

void draw_arguments(struct draw *draw)
{
	static const CK_ULONG lens[] = { 0, 1, 15, 16, 16, 20, 32, 32, 33, 64, 245, 256, 1000 };
	static const CK_ULONG rooms[] = { 0, 1, 16, 20, 32, 256, LOCKSTEP_ROOM, LOCKSTEP_ROOM };
	size_t mechanism = draw_below(ARRAY_LEN(mechanisms));

	*draw = (struct draw){ .mechanism = mechanisms[mechanism].mechanism,
		.repeatable = mechanisms[mechanism].repeatable,
		.data = data + draw_below(3) * 100 };
	draw->len = lens[draw_below(ARRAY_LEN(lens))];
	draw->room = rooms[draw_below(ARRAY_LEN(rooms))];
	draw->query_len = draw_chance(15);
	begin_template(draw, draw_below(ARRAY_LEN(beginnings)));
	for (size_t more = draw_below(4); more > 0; more--)
		add_to_template(draw, 0, ARRAY_LEN(additions));
	draw_query(draw);
}
