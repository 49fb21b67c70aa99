/* SPDX-License-Identifier: Apache-2.0 */
/* A program that tries every way around the policy of a key: policed MODULE PIN ID CERTIFICATE
 * [spoof]. */
#include <dlfcn.h>
#include <iothsm/iothsm.h>
#include <iothsm/pkcs11-3.2.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_MAX = 8192 };

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;
static CK_BYTE id;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void expect(const char *what, CK_RV rv, CK_RV wanted)
{
	if (rv == wanted)
		return;
	(void)fprintf(stderr, "policed: %s: 0x%lx, not 0x%lx\n", what, rv, wanted);
	exit(1);
}

static CK_OBJECT_HANDLE find(CK_OBJECT_CLASS class)
{
	CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, &id, sizeof(id) } };
	CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
	CK_ULONG count = 0;

	expect("C_FindObjectsInit", p11->C_FindObjectsInit(session, wanted, 2), CKR_OK);
	expect("C_FindObjects", p11->C_FindObjects(session, &found, 1, &count), CKR_OK);
	expect("C_FindObjectsFinal", p11->C_FindObjectsFinal(session), CKR_OK);
	return count == 1 ? found : CK_INVALID_HANDLE;
}

static void begin(const char *module, char *pin)
{
	void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;
	CK_SLOT_ID slot = 0;
	CK_ULONG count = 1;

	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get)
		exit(1);
	expect("C_GetFunctionList", get(&p11), CKR_OK);
	expect("C_Initialize", p11->C_Initialize(NULL), CKR_OK);
	CK_RV rv = p11->C_GetSlotList(CK_TRUE, &slot, &count);

	if (rv == CKR_BUFFER_TOO_SMALL) { /* the free token of SoftHSM2 is behind ours */
		CK_SLOT_ID slots[8] = { 0 };

		count = 8;
		rv = p11->C_GetSlotList(CK_TRUE, slots, &count);
		for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
			CK_TOKEN_INFO info;

			if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
				(info.flags & CKF_TOKEN_INITIALIZED))
				slot = slots[i];
		}
	}
	expect("C_GetSlotList", rv, CKR_OK);
	expect("C_OpenSession",
		p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
		CKR_OK);
	expect("C_Login", p11->C_Login(session, CKU_USER, (CK_BYTE *)pin, strlen(pin)), CKR_OK);
}

static CK_RV sign(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, CK_BYTE *data, CK_ULONG len)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE out[OUTPUT_MAX];
	CK_ULONG out_len = sizeof(out);
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);

	return rv == CKR_OK ? p11->C_Sign(session, data, len, out, &out_len) : rv;
}

/* The first byte alone, then the others. */
static CK_RV sign_parts(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, CK_BYTE *data, CK_ULONG len)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE out[OUTPUT_MAX];
	CK_ULONG out_len = sizeof(out);
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);

	if (rv == CKR_OK)
		rv = p11->C_SignUpdate(session, data, 1);
	if (rv == CKR_OK)
		rv = p11->C_SignUpdate(session, data + 1, len - 1);
	return rv == CKR_OK ? p11->C_SignFinal(session, out, &out_len) : rv;
}

static CK_OBJECT_HANDLE make_secret(void)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_ATTRIBUTE wanted[] = { { CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_TOKEN, &no, sizeof(no) }, { CKA_WRAP, &yes, sizeof(yes) },
		{ CKA_ENCRYPT, &yes, sizeof(yes) } };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;

	expect("C_GenerateKey", p11->C_GenerateKey(session, &mechanism, wanted, 4, &key), CKR_OK);
	return key;
}

static void try_objects(CK_OBJECT_HANDLE key)
{
	CK_BYTE other = 0x7f;
	CK_ATTRIBUTE copy[] = { { CKA_TOKEN, &no, sizeof(no) } };
	CK_ATTRIBUTE move[] = { { CKA_ID, &other, sizeof(other) } };
	CK_ATTRIBUTE use[] = { { CKA_DERIVE, &yes, sizeof(yes) } };
	CK_UTF8CHAR name[] = "renamed";
	CK_ATTRIBUTE label[] = { { CKA_LABEL, name, sizeof(name) - 1 } };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
	CK_BYTE out[OUTPUT_MAX];
	CK_ULONG len = sizeof(out);

	expect("copy", p11->C_CopyObject(session, key, copy, 1, &made), CKR_IOTHSM_POLICY);
	expect("change of id", p11->C_SetAttributeValue(session, key, move, 1), CKR_IOTHSM_POLICY);
	expect("change of use", p11->C_SetAttributeValue(session, key, use, 1), CKR_IOTHSM_POLICY);
	expect("new label", p11->C_SetAttributeValue(session, key, label, 1), CKR_OK);
	expect("wrap", p11->C_WrapKey(session, &wrap, make_secret(), key, out, &len),
		CKR_IOTHSM_POLICY);
}

static void try_rsa(CK_OBJECT_HANDLE key)
{
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 }, pkcs = { CKM_RSA_PKCS, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, sizeof(no) } };
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
	CK_BYTE wrapped[256] = { 0 };

	expect("raw", p11->C_SignInit(session, &raw, key), CKR_IOTHSM_POLICY);
	expect("prehashed", p11->C_SignInit(session, &pkcs, key), CKR_IOTHSM_POLICY);
	expect("recover", p11->C_SignRecoverInit(session, &pkcs, key), CKR_IOTHSM_POLICY);
	expect("decrypt", p11->C_DecryptInit(session, &pkcs, key), CKR_IOTHSM_POLICY);
	expect("unwrap",
		p11->C_UnwrapKey(session, &pkcs, key, wrapped, sizeof(wrapped), template, 3, &made),
		CKR_IOTHSM_POLICY);
}

static void try_curve(CK_OBJECT_HANDLE key)
{
	CK_BYTE point[65] = { 4 };
	CK_ECDH1_DERIVE_PARAMS parameters = { CKD_NULL, 0, NULL, sizeof(point), point };
	CK_MECHANISM raw = { CKM_ECDSA, NULL, 0 };
	CK_MECHANISM derive = { CKM_ECDH1_DERIVE, &parameters, sizeof(parameters) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, sizeof(no) } };
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	expect("prehashed", p11->C_SignInit(session, &raw, key), CKR_IOTHSM_POLICY);
	expect("derive", p11->C_DeriveKey(session, &derive, key, template, 3, &made),
		CKR_IOTHSM_POLICY);
}

/* Whole, in parts, and not at all when one byte is another. */
static void try_messages(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, X509 *cert)
{
	unsigned char *tbs = NULL;
	int len = i2d_re_X509_tbs(cert, &tbs);
	CK_MECHANISM mechanism = { type, NULL, 0 };

	if (len <= 0)
		exit(1);
	expect("whole", sign(key, type, tbs, (CK_ULONG)len), CKR_OK);
	expect("in parts", sign_parts(key, type, tbs, (CK_ULONG)len), CKR_OK);
	tbs[0] ^= 1;
	expect("another whole", sign(key, type, tbs, (CK_ULONG)len), CKR_IOTHSM_POLICY);
	expect("other parts", sign_parts(key, type, tbs, (CK_ULONG)len), CKR_IOTHSM_POLICY);
	expect("parts that end with a whole", p11->C_SignInit(session, &mechanism, key), CKR_OK);
	expect("its part", p11->C_SignUpdate(session, tbs, (CK_ULONG)len), CKR_OK);
	tbs[0] ^= 1;
	CK_BYTE out[OUTPUT_MAX];
	CK_ULONG out_len = sizeof(out);

	expect("its whole", p11->C_Sign(session, tbs, (CK_ULONG)len, out, &out_len),
		CKR_OPERATION_ACTIVE);
	OPENSSL_free(tbs);
}

static void write_foreign_key(void)
{
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE curve[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_BYTE other = 0x7e;
	CK_ATTRIBUTE public_key[] = { { CKA_EC_PARAMS, curve, sizeof(curve) },
		{ CKA_ID, &id, sizeof(id) }, { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &no, sizeof(no) }, { CKA_VERIFY, &yes, sizeof(yes) } };
	CK_ATTRIBUTE private_key[] = { { CKA_ID, &other, sizeof(other) },
		{ CKA_TOKEN, &yes, sizeof(yes) }, { CKA_SIGN, &yes, sizeof(yes) } };
	CK_OBJECT_HANDLE made[2];

	expect("C_GenerateKeyPair",
		p11->C_GenerateKeyPair(
			session, &mechanism, public_key, 5, private_key, 3, &made[0], &made[1]),
		CKR_OK);
}

/* Who may write objects tells a lie about the public key, which names the block. */
static void try_spoof(CK_MECHANISM_TYPE type)
{
	CK_BYTE digest[32] = { 1 };

	expect("before", sign(find(CKO_PRIVATE_KEY), type, digest, sizeof(digest)),
		CKR_IOTHSM_POLICY);
	expect("certificate", p11->C_DestroyObject(session, find(CKO_CERTIFICATE)), CKR_OK);
	expect("public key", p11->C_DestroyObject(session, find(CKO_PUBLIC_KEY)), CKR_OK);
	expect("without", sign(find(CKO_PRIVATE_KEY), type, digest, sizeof(digest)),
		CKR_IOTHSM_POLICY);
	write_foreign_key();
	expect("with another's", sign(find(CKO_PRIVATE_KEY), type, digest, sizeof(digest)),
		CKR_IOTHSM_POLICY);
}

int main(int argc, char **argv)
{
	FILE *file = argc >= 5 ? fopen(argv[4], "r") : NULL;
	X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	if (!cert)
		return EXIT_FAILURE;
	(void)fclose(file);
	bool rsa = EVP_PKEY_is_a(X509_get0_pubkey(cert), "RSA");

	id = (CK_BYTE)strtoul(argv[3], NULL, 16);
	begin(argv[1], argv[2]);
	CK_OBJECT_HANDLE key = find(CKO_PRIVATE_KEY);

	if (argc == 6) {
		try_spoof(CKM_ECDSA);
	} else {
		try_messages(key, rsa ? CKM_SHA256_RSA_PKCS : CKM_ECDSA_SHA256, cert);
		try_objects(key);
		(rsa ? try_rsa : try_curve)(key);
	}
	X509_free(cert);
	expect("C_Finalize", p11->C_Finalize(NULL), CKR_OK);
	return EXIT_SUCCESS;
}
