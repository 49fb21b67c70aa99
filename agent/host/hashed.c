/* SPDX-License-Identifier: Apache-2.0 */
/* Hashed signature mechanisms that the backend lacks: the host hashes, the backend signs the
 * digest. */
#include "hashed.h"

/* DigestInfo up to the digest (RFC 8017, 9.2, note 1). */
#define PREFIX(oid_byte, digest_len)                                                               \
	{                                                                                          \
		0x30, 17 + (digest_len), 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,     \
			0x03, 0x04, 0x02, (oid_byte), 0x05, 0x00, 0x04, (digest_len)               \
	}
static const uint8_t sha224_prefix[] = PREFIX(4, 28);
static const uint8_t sha256_prefix[] = PREFIX(1, 32);
static const uint8_t sha384_prefix[] = PREFIX(2, 48);
static const uint8_t sha512_prefix[] = PREFIX(3, 64);

enum { PREFIX_LEN = sizeof(sha256_prefix) };

static const struct hashed_form forms[] = {
	{ CKM_ECDSA_SHA224, CKM_ECDSA, CKM_SHA224, "SHA2-224", NULL, 0 },
	{ CKM_ECDSA_SHA256, CKM_ECDSA, CKM_SHA256, "SHA2-256", NULL, 0 },
	{ CKM_ECDSA_SHA384, CKM_ECDSA, CKM_SHA384, "SHA2-384", NULL, 0 },
	{ CKM_ECDSA_SHA512, CKM_ECDSA, CKM_SHA512, "SHA2-512", NULL, 0 },
	{ CKM_SHA224_RSA_PKCS, CKM_RSA_PKCS, CKM_SHA224, "SHA2-224", sha224_prefix, PREFIX_LEN },
	{ CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS, CKM_SHA256, "SHA2-256", sha256_prefix, PREFIX_LEN },
	{ CKM_SHA384_RSA_PKCS, CKM_RSA_PKCS, CKM_SHA384, "SHA2-384", sha384_prefix, PREFIX_LEN },
	{ CKM_SHA512_RSA_PKCS, CKM_RSA_PKCS, CKM_SHA512, "SHA2-512", sha512_prefix, PREFIX_LEN },
	{ CKM_SHA224_RSA_PKCS_PSS, CKM_RSA_PKCS_PSS, CKM_SHA224, "SHA2-224", NULL, 0 },
	{ CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_PKCS_PSS, CKM_SHA256, "SHA2-256", NULL, 0 },
	{ CKM_SHA384_RSA_PKCS_PSS, CKM_RSA_PKCS_PSS, CKM_SHA384, "SHA2-384", NULL, 0 },
	{ CKM_SHA512_RSA_PKCS_PSS, CKM_RSA_PKCS_PSS, CKM_SHA512, "SHA2-512", NULL, 0 },
};

_Static_assert(ARRAY_LEN(forms) <= HASHED_FORMS_MAX, "room in mechanism lists");

const struct hashed_form *hashed_form_at(size_t index)
{
	return index < ARRAY_LEN(forms) ? &forms[index] : NULL;
}

const struct hashed_form *hashed_form_of(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].type == type)
			return &forms[i];
	return NULL;
}

CK_RV hashed_raw_mechanism(
	const struct hashed_form *form, const CK_MECHANISM *mechanism, CK_MECHANISM *raw)
{
	const CK_RSA_PKCS_PSS_PARAMS *pss = mechanism->pParameter;

	if (form->base == CKM_RSA_PKCS_PSS) {
		if (!pss || mechanism->ulParameterLen != sizeof(*pss) ||
			pss->hashAlg != form->digest)
			return CKR_MECHANISM_PARAM_INVALID;
	} else if (mechanism->ulParameterLen != 0) {
		return CKR_MECHANISM_PARAM_INVALID;
	}
	*raw = *mechanism;
	raw->mechanism = form->base;
	return CKR_OK;
}

CK_MECHANISM_INFO hashed_info(const struct hashed_form *form, CK_MECHANISM_INFO base)
{
	CK_FLAGS kept = CKF_SIGN | CKF_VERIFY | CKF_HW;

	if (form->base == CKM_ECDSA)
		kept |= CKF_EC_F_P | CKF_EC_F_2M | CKF_EC_ECPARAMETERS | CKF_EC_NAMEDCURVE |
			CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS;
	base.flags &= kept;
	return base;
}

void hashed_begin(struct hashed *hashed, const struct hashed_form *form)
{
	hashed_end(hashed);
	hashed->form = form;
}

static CK_RV start(struct hashed *hashed)
{
	EVP_MD *digest = EVP_MD_fetch(NULL, hashed->form->name, NULL);

	if (!hashed->context)
		hashed->context = EVP_MD_CTX_new();
	CK_RV rv =
		digest && hashed->context && EVP_DigestInit_ex2(hashed->context, digest, NULL) == 1
			? CKR_OK
			: CKR_HOST_MEMORY;

	EVP_MD_free(digest);
	return rv;
}

CK_RV hashed_update(struct hashed *hashed, struct bytes part)
{
	if (hashed->finished)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!hashed->context)
		TRY(start(hashed));
	if (part.len > 0 && EVP_DigestUpdate(hashed->context, part.data, part.len) != 1)
		return CKR_FUNCTION_FAILED;
	return CKR_OK;
}

static CK_RV make_input(struct hashed *hashed)
{
	unsigned int len = 0;

	if (hashed->form->prefix)
		memcpy(hashed->input, hashed->form->prefix, hashed->form->prefix_len);
	if (EVP_DigestFinal_ex(hashed->context, hashed->input + hashed->form->prefix_len, &len) !=
		1)
		return CKR_FUNCTION_FAILED;
	hashed->input_len = hashed->form->prefix_len + len;
	return CKR_OK;
}

CK_RV hashed_finish(struct hashed *hashed, const struct bytes *whole, struct bytes *input)
{
	if (whole) {
		if (hashed->context && !hashed->finished)
			return CKR_OPERATION_ACTIVE; /* parts were given before */
		TRY(start(hashed));
		hashed->finished = false;
		TRY(hashed_update(hashed, *whole));
	} else if (!hashed->context) {
		TRY(start(hashed)); /* no part at all: the empty message */
	}
	/* A length query comes first and finishes; the parts are still the same at the fetch. */
	if (whole || !hashed->finished)
		TRY(make_input(hashed));
	hashed->finished = true;
	*input = bytes_of(hashed->input, hashed->input_len);
	return CKR_OK;
}

void hashed_end(struct hashed *hashed)
{
	EVP_MD_CTX_free(hashed->context);
	*hashed = (struct hashed){ 0 };
}
