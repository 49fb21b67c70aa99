/* SPDX-License-Identifier: Apache-2.0 */
/* Which type of key a mechanism is for: SoftHSM2 takes any key with CKA_VERIFY for an RSA key and
 * crashes, and with it all clients of its host. */
#include "key_kind.h"

#include "bytes.h"

static const struct {
	CK_MECHANISM_TYPE first, last;
	CK_KEY_TYPE type;
} kinds[] = {
	{ CKM_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKK_RSA },
	{ CKM_DSA, 0x16, CKK_DSA }, /* with SHA-1 and SHA-2; ML-KEM is 0x17 */
	{ 0x18, 0x1b, CKK_DSA },    /* with SHA-3 */
	{ CKM_SHA256_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKK_RSA },
	{ 0x60, 0x67, CKK_RSA },       /* with SHA-3 */
	{ CKM_ECDSA, 0x104a, CKK_EC }, /* with SHA-1, SHA-2 and SHA-3 */
	{ CKM_EDDSA, CKM_EDDSA, CKK_EC_EDWARDS },
};

/* A secret key may be given any type, and still is not one half of a pair. */
static bool fits(CK_OBJECT_CLASS class, CK_KEY_TYPE type, CK_KEY_TYPE wanted)
{
	return type == wanted && (class == CKO_PUBLIC_KEY || class == CKO_PRIVATE_KEY);
}

CK_RV key_kind_check(CK_MECHANISM_TYPE mechanism, CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
	if (type == CK_UNAVAILABLE_INFORMATION)
		return CKR_OK;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (mechanism >= kinds[i].first && mechanism <= kinds[i].last &&
			!fits(class, type, kinds[i].type))
			return CKR_KEY_TYPE_INCONSISTENT;
	return CKR_OK;
}
