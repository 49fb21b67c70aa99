/* SPDX-License-Identifier: Apache-2.0 */
/* The templates of a key pair, as a caller gives them and completed to what a CA key needs. */
#include "key_template.h"

static const CK_BBOOL yes = CK_TRUE;
static const CK_BBOOL no = CK_FALSE;
static const CK_BYTE exponent[] = { 0x01, 0x00, 0x01 };

static void *mutable(const void *data)
{
	return (void *)(uintptr_t)data;
}

static CK_ATTRIBUTE *find(struct key_template *template, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < template->count; i++) {
		if (template->list[i].type == type)
			return &template->list[i];
	}
	return NULL;
}

static struct bytes value_of(struct key_template *template, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *attribute = find(template, type);

	return attribute ? bytes_of(attribute->pValue, attribute->ulValueLen) : bytes_of(NULL, 0);
}

static CK_RV copy(struct key_template *template, const struct attributes *given)
{
	if (given->count > KEY_TEMPLATE_MAX / 2)
		return CKR_ARGUMENTS_BAD;
	template->count = 0;
	for (CK_ULONG i = 0; i < given->count; i++) {
		if (find(template, given->list[i].type) ||
			(!given->list[i].pValue && given->list[i].ulValueLen > 0))
			return CKR_TEMPLATE_INCONSISTENT;
		template->list[template->count++] = given->list[i];
	}
	return CKR_OK;
}

static void complete(struct key_template *template, CK_ATTRIBUTE_TYPE type, struct bytes value)
{
	if (!find(template, type))
		template->list[template->count++] =
			(CK_ATTRIBUTE){ type, mutable(value.data), value.len };
}

struct flag {
	CK_ATTRIBUTE_TYPE type;
	const CK_BBOOL *value;
	bool required; /* another value makes a key that cannot be provisioned */
};

static const struct flag public_flags[] = {
	{ CKA_TOKEN, &yes, true },
	{ CKA_PRIVATE, &no, false },
	{ CKA_VERIFY, &yes, false },
};

static const struct flag private_flags[] = {
	{ CKA_TOKEN, &yes, true },
	{ CKA_PRIVATE, &yes, false },
	{ CKA_SENSITIVE, &yes, false },
	{ CKA_EXTRACTABLE, &no, false },
	{ CKA_SIGN, &yes, true },
};

static CK_RV complete_flags(struct key_template *template, const struct flag *flags, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes wanted = bytes_of(flags[i].value, sizeof(CK_BBOOL));

		complete(template, flags[i].type, wanted);
		if (flags[i].required && !bytes_equal(value_of(template, flags[i].type), wanted))
			return CKR_TEMPLATE_INCONSISTENT;
	}
	return CKR_OK;
}

/* One name for both halves; a caller may give it with either. */
static CK_RV share(struct key_templates *templates, CK_ATTRIBUTE_TYPE type, struct bytes *value)
{
	struct bytes first = value_of(&templates->public_key, type);
	struct bytes second = value_of(&templates->private_key, type);

	if (first.len > 0 && second.len > 0 && !bytes_equal(first, second))
		return CKR_TEMPLATE_INCONSISTENT;
	*value = second.len > 0 ? second : first;
	if (value->len > 0) {
		complete(&templates->public_key, type, *value);
		complete(&templates->private_key, type, *value);
	}
	return CKR_OK;
}

/* RFC 8410, the number GnuPG and OpenSC use, and the PrintableString of PKCS#11 3.0, 2.3.10. */
static const struct spelling {
	size_t len;
	const char *value;
	bool goldilocks; /* Ed448 */
} spellings[] = {
	{ 5, "\x06\x03\x2b\x65\x70", false },
	{ 11, "\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01", false },
	{ 14,
		"\x13\x0c"
		"edwards25519",
		false },
	{ 5, "\x06\x03\x2b\x65\x71", true },
	{ 12,
		"\x13\x0a"
		"edwards448",
		true },
};

static const struct spelling *find_spelling(struct bytes parameters)
{
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		if (bytes_equal(parameters, bytes_of(spellings[i].value, spellings[i].len)))
			return &spellings[i];
	}
	return NULL;
}

static CK_RV choose_mechanism(struct key_templates *templates)
{
	struct bytes bits = value_of(&templates->public_key, CKA_MODULUS_BITS);
	struct bytes curve = value_of(&templates->public_key, CKA_EC_PARAMS);

	if (bits.len > 0 && curve.len > 0)
		return CKR_TEMPLATE_INCONSISTENT;
	if (bits.len > 0) {
		templates->mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
		complete(&templates->public_key, CKA_PUBLIC_EXPONENT,
			bytes_of(exponent, sizeof(exponent)));
		return CKR_OK;
	}
	templates->mechanism =
		find_spelling(curve) ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
	return curve.len > 0 ? CKR_OK : CKR_TEMPLATE_INCOMPLETE;
}

CK_RV key_template_complete(const struct attributes *public_template,
	const struct attributes *private_template, struct key_templates *completed)
{
	struct bytes label;

	TRY(copy(&completed->public_key, public_template));
	TRY(copy(&completed->private_key, private_template));
	TRY(choose_mechanism(completed));
	TRY(share(completed, CKA_ID, &completed->id));
	TRY(share(completed, CKA_LABEL, &label));
	TRY(complete_flags(&completed->public_key, public_flags, ARRAY_LEN(public_flags)));
	TRY(complete_flags(&completed->private_key, private_flags, ARRAY_LEN(private_flags)));
	return completed->id.len > 0 ? CKR_OK : CKR_TEMPLATE_INCOMPLETE;
}

bool key_template_spell(struct key_templates *completed, unsigned spelling)
{
	CK_ATTRIBUTE *curve = find(&completed->public_key, CKA_EC_PARAMS);
	const struct spelling *given =
		curve ? find_spelling(bytes_of(curve->pValue, curve->ulValueLen)) : NULL;
	unsigned number = 0;

	if (spelling == 0)
		return true;
	for (size_t i = 0; given && i < ARRAY_LEN(spellings); i++) {
		if (spellings[i].goldilocks != given->goldilocks || ++number != spelling)
			continue;
		curve->pValue = mutable(spellings[i].value);
		curve->ulValueLen = spellings[i].len;
		return true;
	}
	return false;
}
