/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in right and wrong orders with right and wrong arguments; prints what each returned, so
 * that differential.sh can compare two libraries. */
#include <dlfcn.h>
#include <iothsm/iothsm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAD_HANDLE = 0x1234567, ID_P256 = 1, ID_RSA = 2 };

static CK_FUNCTION_LIST *p11;
static CK_UTF8CHAR *pin;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE ro, rw;
static CK_OBJECT_HANDLE rsa, rsa_public, ec, ec_public, aes;
static CK_BYTE data[64] = "sixty-four bytes of data that are signed, encrypted and digested";
static CK_BYTE buffer[1024];

static void say(const char *group, const char *what, CK_RV rv)
{
	(void)printf("%s: %s = 0x%lx\n", group, what, rv);
}

static void say_len(const char *group, const char *what, CK_RV rv, CK_ULONG len)
{
	(void)printf("%s: %s = 0x%lx, length %ld\n", group, what, rv, (long)len);
}

static CK_ULONG text_len(const CK_UTF8CHAR *text)
{
	return strlen((const char *)text);
}

static void before_initialize(void)
{
	CK_C_INITIALIZE_ARGS reserved = { .pReserved = &reserved };
	CK_INFO info;

	say("start", "GetInfo", p11->C_GetInfo(&info));
	say("start", "GetSlotList", p11->C_GetSlotList(CK_TRUE, NULL, NULL));
	say("start", "Finalize", p11->C_Finalize(NULL));
	say("start", "CloseSession", p11->C_CloseSession(1));
	say("start", "Initialize reserved", p11->C_Initialize(&reserved));
	say("start", "Initialize", p11->C_Initialize(NULL));
	say("start", "Initialize twice", p11->C_Initialize(NULL));
	say("start", "Finalize reserved", p11->C_Finalize(&info));
	say("start", "GetInfo NULL", p11->C_GetInfo(NULL));
	say("start", "GetFunctionList NULL", p11->C_GetFunctionList(NULL));
	say("start", "GetFunctionStatus", p11->C_GetFunctionStatus(0));
	say("start", "CancelFunction", p11->C_CancelFunction(0));
}

static int find_slot(void)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;
	int found = 0;

	if (p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return 0;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		if (p11->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
			memcmp(info.label, "differential ", 13) != 0)
			continue;
		slot = slots[i];
		found = 1;
	}
	return found;
}

static void slots_and_tokens(void)
{
	CK_SLOT_ID ids[1];
	CK_ULONG none = 0;
	CK_ULONG count = 0;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token_info;
	CK_MECHANISM_INFO mechanism_info;
	CK_MECHANISM_TYPE types[1];

	say("slot", "list without count", p11->C_GetSlotList(CK_TRUE, ids, NULL));
	say_len("slot", "list without room", p11->C_GetSlotList(CK_TRUE, ids, &none), none);
	say("slot", "info unknown", p11->C_GetSlotInfo(BAD_HANDLE, &slot_info));
	say("slot", "info NULL", p11->C_GetSlotInfo(slot, NULL));
	say("slot", "token info unknown", p11->C_GetTokenInfo(BAD_HANDLE, &token_info));
	say("slot", "token info NULL", p11->C_GetTokenInfo(slot, NULL));
	say("slot", "mechanisms unknown", p11->C_GetMechanismList(BAD_HANDLE, NULL, &count));
	say("slot", "mechanisms NULL", p11->C_GetMechanismList(slot, NULL, NULL));
	say("slot", "mechanisms too small", p11->C_GetMechanismList(slot, types, &count));
	say("slot", "mechanism info unknown slot",
		p11->C_GetMechanismInfo(BAD_HANDLE, CKM_AES_ECB, &mechanism_info));
	say("slot", "mechanism info unknown type",
		p11->C_GetMechanismInfo(slot, 0x7abcdef, &mechanism_info));
	say("slot", "mechanism info NULL", p11->C_GetMechanismInfo(slot, CKM_AES_ECB, NULL));
	say("slot", "wait reserved", p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, ids, ids));
	say("slot", "wait", p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, ids, NULL));
}

static void sessions(void)
{
	CK_SESSION_HANDLE session = 0;
	CK_SESSION_INFO info;
	CK_ULONG len = 0;

	say("session", "open not serial", p11->C_OpenSession(slot, 0, NULL, NULL, &session));
	say("session", "open unknown slot",
		p11->C_OpenSession(BAD_HANDLE, CKF_SERIAL_SESSION, NULL, NULL, &session));
	say("session", "open NULL", p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, NULL));
	say("session", "open", p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &ro));
	say("session", "open rw",
		p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &rw));
	say("session", "info NULL", p11->C_GetSessionInfo(ro, NULL));
	say("session", "info unknown", p11->C_GetSessionInfo(BAD_HANDLE, &info));
	say("session", "info zero", p11->C_GetSessionInfo(0, &info));
	say("session", "close unknown", p11->C_CloseSession(BAD_HANDLE));
	say("session", "close all unknown", p11->C_CloseAllSessions(BAD_HANDLE));
	say("session", "operation state", p11->C_GetOperationState(ro, NULL, &len));
	say("session", "operation state unknown", p11->C_GetOperationState(BAD_HANDLE, NULL, &len));
	say("session", "set operation state", p11->C_SetOperationState(ro, data, 8, 0, 0));
	say("session", "seed", p11->C_SeedRandom(ro, data, 8));
	say("session", "seed NULL", p11->C_SeedRandom(ro, NULL, 8));
	say("session", "random NULL", p11->C_GenerateRandom(ro, NULL, 8));
	say("session", "random nothing", p11->C_GenerateRandom(ro, buffer, 0));
	say("session", "random unknown", p11->C_GenerateRandom(BAD_HANDLE, buffer, 8));
}

static void logins(void)
{
	say("login", "logout early", p11->C_Logout(ro));
	say("login", "unknown session", p11->C_Login(BAD_HANDLE, CKU_USER, pin, 6));
	say("login", "unknown type", p11->C_Login(ro, 77, pin, text_len(pin)));
	say("login", "NULL pin with length", p11->C_Login(ro, CKU_USER, NULL, 6));
	say("login", "context early", p11->C_Login(ro, CKU_CONTEXT_SPECIFIC, pin, text_len(pin)));
	say("login", "so beside read-only", p11->C_Login(rw, CKU_SO, pin, text_len(pin)));
	say("login", "init pin early", p11->C_InitPIN(rw, pin, text_len(pin)));
	say("login", "set pin read-only",
		p11->C_SetPIN(ro, pin, text_len(pin), pin, text_len(pin)));
	say("login", "set pin too short", p11->C_SetPIN(rw, pin, text_len(pin), pin, 1));
	say("login", "set pin NULL", p11->C_SetPIN(rw, NULL, 4, pin, text_len(pin)));
	say("login", "user", p11->C_Login(ro, CKU_USER, pin, text_len(pin)));
	say("login", "user twice", p11->C_Login(ro, CKU_USER, pin, text_len(pin)));
	say("login", "so meanwhile", p11->C_Login(rw, CKU_SO, pin, text_len(pin)));
	say("login", "init pin as user", p11->C_InitPIN(rw, pin, text_len(pin)));
}

static CK_OBJECT_HANDLE find_key(CK_OBJECT_CLASS class, CK_BYTE id)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG count = 0;

	(void)p11->C_FindObjectsInit(ro, template, 2);
	(void)p11->C_FindObjects(ro, &object, 1, &count);
	(void)p11->C_FindObjectsFinal(ro);
	return object;
}

static void make_keys(void)
{
	CK_ULONG len = 16;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &len, sizeof(len) }, { CKA_ENCRYPT, &yes, 1 },
		{ CKA_DECRYPT, &yes, 1 } };
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };

	rsa = find_key(CKO_PRIVATE_KEY, ID_RSA);
	rsa_public = find_key(CKO_PUBLIC_KEY, ID_RSA);
	ec = find_key(CKO_PRIVATE_KEY, ID_P256);
	ec_public = find_key(CKO_PUBLIC_KEY, ID_P256);
	say("key", "AES", p11->C_GenerateKey(ro, &mechanism, template, 3, &aes));
}

static void finds(void)
{
	CK_OBJECT_HANDLE objects[4];
	CK_ULONG count = 7;
	CK_ATTRIBUTE odd = { CKA_LABEL, NULL, 5 };

	say("find", "early", p11->C_FindObjects(ro, objects, 4, &count));
	say("find", "final early", p11->C_FindObjectsFinal(ro));
	say("find", "init NULL with count", p11->C_FindObjectsInit(ro, NULL, 1));
	say("find", "init NULL value", p11->C_FindObjectsInit(ro, &odd, 1));
	(void)p11->C_FindObjectsFinal(ro);
	say("find", "init unknown session", p11->C_FindObjectsInit(BAD_HANDLE, NULL, 0));
	say("find", "init", p11->C_FindObjectsInit(ro, NULL, 0));
	say("find", "init twice", p11->C_FindObjectsInit(ro, NULL, 0));
	say("find", "NULL objects", p11->C_FindObjects(ro, NULL, 4, &count));
	say("find", "NULL count", p11->C_FindObjects(ro, objects, 4, NULL));
	say_len("find", "one", p11->C_FindObjects(ro, objects, 1, &count), count);
	say("find", "final", p11->C_FindObjectsFinal(ro));
	say("find", "final twice", p11->C_FindObjectsFinal(ro));
}

static void create(const char *what, CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_OBJECT_HANDLE object = 0;
	CK_RV rv = p11->C_CreateObject(session, list, count, &object);

	say("object", what, rv);
	if (rv == CKR_OK)
		(void)p11->C_DestroyObject(session, object);
}

static void creations(void)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_CLASS odd = 0x7777;
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_OBJECT_HANDLE object;
	CK_ATTRIBUTE good[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &no, 1 },
		{ CKA_VALUE, data, 8 } };
	CK_ATTRIBUTE token[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 },
		{ CKA_VALUE, data, 8 } };
	CK_ATTRIBUTE unknown_class[] = { { CKA_CLASS, &odd, sizeof(odd) } };
	CK_ATTRIBUTE short_class[] = { { CKA_CLASS, &class, 2 } };
	CK_ATTRIBUTE unknown[] = { { CKA_CLASS, &class, sizeof(class) }, { 0x80004444, data, 4 } };
	CK_ATTRIBUTE wrong_type[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_MODULUS, data, 8 } };
	CK_ATTRIBUTE null_value[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_VALUE, NULL, 8 } };
	CK_ATTRIBUTE long_bool[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, data, 3 } };

	create("good", ro, good, 3);
	create("token object read-only", ro, token, 3);
	create("token object", rw, token, 3);
	create("nothing", ro, good, 0);
	create("NULL", ro, NULL, 2);
	create("no class", ro, &good[1], 2);
	create("unknown class", ro, unknown_class, 1);
	create("short class", ro, short_class, 1);
	create("unknown attribute", ro, unknown, 2);
	create("foreign attribute", ro, wrong_type, 2);
	create("NULL value", ro, null_value, 2);
	create("long bool", ro, long_bool, 2);
	create("unknown session", BAD_HANDLE, good, 3);
	say("object", "NULL handle", p11->C_CreateObject(ro, good, 3, NULL));
	say("object", "copy unknown", p11->C_CopyObject(ro, BAD_HANDLE, NULL, 0, &object));
	say("object", "destroy unknown", p11->C_DestroyObject(ro, BAD_HANDLE));
	say("object", "destroy zero", p11->C_DestroyObject(ro, 0));
	say("object", "destroy token object read-only", p11->C_DestroyObject(ro, rsa));
}

static void attributes(void)
{
	CK_BYTE value[16];
	CK_ULONG size = 0;
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE query = { CKA_CLASS, value, sizeof(value) };
	CK_ATTRIBUTE small = { CKA_CLASS, value, 2 };
	CK_ATTRIBUTE length = { CKA_MODULUS, NULL, 0 };
	CK_ATTRIBUTE secret = { CKA_PRIVATE_EXPONENT, value, sizeof(value) };
	CK_ATTRIBUTE unknown = { 0x80004444, value, sizeof(value) };
	CK_ATTRIBUTE foreign = { CKA_EC_POINT, value, sizeof(value) };
	CK_ATTRIBUTE label = { CKA_LABEL, data, 4 };
	CK_ATTRIBUTE reclass = { CKA_CLASS, &class, sizeof(class) };
	CK_ATTRIBUTE extractable = { CKA_EXTRACTABLE, &yes, 1 };

	say_len("get", "class", p11->C_GetAttributeValue(ro, rsa, &query, 1), query.ulValueLen);
	say_len("get", "too small", p11->C_GetAttributeValue(ro, rsa, &small, 1), small.ulValueLen);
	say_len("get", "length", p11->C_GetAttributeValue(ro, rsa, &length, 1), length.ulValueLen);
	say_len("get", "secret", p11->C_GetAttributeValue(ro, rsa, &secret, 1), secret.ulValueLen);
	say_len("get", "unknown", p11->C_GetAttributeValue(ro, rsa, &unknown, 1),
		unknown.ulValueLen);
	say_len("get", "foreign", p11->C_GetAttributeValue(ro, rsa, &foreign, 1),
		foreign.ulValueLen);
	say("get", "NULL", p11->C_GetAttributeValue(ro, rsa, NULL, 1));
	say("get", "nothing", p11->C_GetAttributeValue(ro, rsa, &query, 0));
	say("get", "unknown object", p11->C_GetAttributeValue(ro, BAD_HANDLE, &query, 1));
	say("get", "unknown session", p11->C_GetAttributeValue(BAD_HANDLE, rsa, &query, 1));
	say("set", "read-only", p11->C_SetAttributeValue(ro, rsa, &label, 1));
	say("set", "class", p11->C_SetAttributeValue(rw, rsa, &reclass, 1));
	say("set", "extractable", p11->C_SetAttributeValue(rw, rsa, &extractable, 1));
	say("set", "NULL", p11->C_SetAttributeValue(rw, rsa, NULL, 1));
	say("set", "unknown object", p11->C_SetAttributeValue(rw, BAD_HANDLE, &label, 1));
	say("size", "unknown", p11->C_GetObjectSize(ro, BAD_HANDLE, &size));
	say("size", "NULL", p11->C_GetObjectSize(ro, rsa, NULL));
}

/* The functions of one kind of operation, as far as they have one type. */
struct operation {
	const char *name;
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
	CK_RV (*whole)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
	CK_RV (*final)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);
};

static void end(const struct operation *operation)
{
	CK_ULONG len = sizeof(buffer);

	(void)operation->whole(ro, data, 32, buffer, &len);
	len = sizeof(buffer);
	(void)operation->final(ro, buffer, &len);
}

static void init(const struct operation *operation, const char *what, CK_MECHANISM_TYPE type,
	void *parameter, CK_ULONG len, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { type, parameter, len };
	CK_RV rv = operation->init(ro, &mechanism, key);

	say(operation->name, what, rv);
	if (rv == CKR_OK)
		end(operation);
}

static void states(const struct operation *operation, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	const char *name = operation->name;
	CK_ULONG len = 0;
	CK_ULONG small = 1;

	say(name, "whole early", operation->whole(ro, data, 32, buffer, &len));
	say(name, "final early", operation->final(ro, buffer, &len));
	say(name, "init NULL", operation->init(ro, NULL, key));
	say(name, "init unknown session", operation->init(BAD_HANDLE, mechanism, key));
	say(name, "init", operation->init(ro, mechanism, key));
	say(name, "init twice", operation->init(ro, mechanism, key));
	say_len(name, "length", operation->whole(ro, data, 32, NULL, &len), len);
	say_len(name, "too small", operation->whole(ro, data, 32, buffer, &small), small);
	len = sizeof(buffer);
	say_len(name, "whole", operation->whole(ro, data, 32, buffer, &len), len);
	say(name, "whole twice", operation->whole(ro, data, 32, buffer, &len));
	(void)operation->init(ro, mechanism, key);
	say(name, "NULL length", operation->whole(ro, data, 32, buffer, NULL));
	len = sizeof(buffer);
	say(name, "after NULL length", operation->whole(ro, data, 32, buffer, &len));
	end(operation);
	(void)operation->init(ro, mechanism, key);
	len = sizeof(buffer);
	say(name, "NULL data", operation->whole(ro, NULL, 32, buffer, &len));
	end(operation);
}

static CK_RV digest_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	(void)key;
	return p11->C_DigestInit(session, mechanism);
}

static void operations(void)
{
	const struct operation encrypt = { "encrypt", p11->C_EncryptInit, p11->C_Encrypt,
		p11->C_EncryptFinal };
	const struct operation decrypt = { "decrypt", p11->C_DecryptInit, p11->C_Decrypt,
		p11->C_DecryptFinal };
	const struct operation sign = { "sign", p11->C_SignInit, p11->C_Sign, p11->C_SignFinal };
	const struct operation digest = { "digest", digest_init, p11->C_Digest,
		p11->C_DigestFinal };
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA_1, CKG_MGF1_SHA256, 32 };
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_MECHANISM rsa_sign = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_MECHANISM sha = { CKM_SHA256, NULL, 0 };

	states(&encrypt, &ecb, aes);
	states(&decrypt, &ecb, aes);
	states(&sign, &rsa_sign, rsa);
	states(&digest, &sha, 0);
	init(&encrypt, "CBC without IV", CKM_AES_CBC, NULL, 0, aes);
	init(&encrypt, "CBC with a short IV", CKM_AES_CBC, data, 15, aes);
	init(&encrypt, "GCM without parameter", CKM_AES_GCM, NULL, 0, aes);
	init(&encrypt, "CTR without parameter", CKM_AES_CTR, NULL, 0, aes);
	init(&encrypt, "OAEP without parameter", CKM_RSA_PKCS_OAEP, NULL, 0, rsa_public);
	init(&encrypt, "unknown mechanism", 0x7abcdef, NULL, 0, aes);
	init(&encrypt, "a signing mechanism", CKM_ECDSA, NULL, 0, aes);
	init(&encrypt, "unknown key", CKM_AES_ECB, NULL, 0, BAD_HANDLE);
	init(&encrypt, "key of another type", CKM_AES_ECB, NULL, 0, rsa_public);
	init(&encrypt, "private key", CKM_RSA_PKCS, NULL, 0, rsa);
	init(&decrypt, "public key", CKM_RSA_PKCS, NULL, 0, rsa_public);
	init(&decrypt, "OAEP without parameter", CKM_RSA_PKCS_OAEP, NULL, 0, rsa);
	init(&sign, "PSS without parameter", CKM_SHA256_RSA_PKCS_PSS, NULL, 0, rsa);
	init(&sign, "PSS of another hash", CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof(pss), rsa);
	init(&sign, "PSS short parameter", CKM_SHA256_RSA_PKCS_PSS, &pss, 4, rsa);
	init(&sign, "unknown mechanism", 0x7abcdef, NULL, 0, rsa);
	init(&sign, "an encrypting mechanism", CKM_AES_ECB, NULL, 0, rsa);
	init(&sign, "unknown key", CKM_RSA_PKCS, NULL, 0, BAD_HANDLE);
	init(&sign, "public key", CKM_RSA_PKCS, NULL, 0, rsa_public);
	init(&sign, "key of another type", CKM_ECDSA, NULL, 0, rsa);
	init(&digest, "unknown mechanism", 0x7abcdef, NULL, 0, 0);
	init(&digest, "a signing mechanism", CKM_ECDSA, NULL, 0, 0);
}

static void parts(void)
{
	CK_MECHANISM rsa_sign = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_MECHANISM raw = { CKM_RSA_PKCS, NULL, 0 };
	CK_MECHANISM sha = { CKM_SHA256, NULL, 0 };
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_ULONG len = sizeof(buffer);

	say("parts", "digest early", p11->C_DigestUpdate(ro, data, 8));
	say("parts", "sign early", p11->C_SignUpdate(ro, data, 8));
	say("parts", "verify early", p11->C_VerifyUpdate(ro, data, 8));
	say("parts", "encrypt early", p11->C_EncryptUpdate(ro, data, 8, buffer, &len));
	(void)p11->C_SignInit(ro, &rsa_sign, rsa);
	say("parts", "sign update", p11->C_SignUpdate(ro, data, 8));
	say("parts", "sign update nothing", p11->C_SignUpdate(ro, data, 0));
	say("parts", "sign whole after update", p11->C_Sign(ro, data, 8, buffer, &len));
	len = sizeof(buffer);
	say("parts", "sign final after that", p11->C_SignFinal(ro, buffer, &len));
	(void)p11->C_SignInit(ro, &raw, rsa);
	say("parts", "raw sign update", p11->C_SignUpdate(ro, data, 8));
	len = sizeof(buffer);
	say("parts", "raw sign after that", p11->C_Sign(ro, data, 8, buffer, &len));
	(void)p11->C_SignInit(ro, &raw, rsa);
	len = sizeof(buffer);
	say("parts", "raw sign too long", p11->C_Sign(ro, buffer, 400, buffer, &len));
	(void)p11->C_DigestInit(ro, &sha);
	say("parts", "digest key", p11->C_DigestKey(ro, aes));
	say("parts", "digest NULL", p11->C_DigestUpdate(ro, NULL, 8));
	len = sizeof(buffer);
	say("parts", "digest final", p11->C_DigestFinal(ro, buffer, &len));
	(void)p11->C_EncryptInit(ro, &ecb, aes);
	len = sizeof(buffer);
	say_len("parts", "encrypt 8", p11->C_EncryptUpdate(ro, data, 8, buffer, &len), len);
	len = sizeof(buffer);
	say_len("parts", "encrypt 12", p11->C_EncryptUpdate(ro, data, 12, buffer, &len), len);
	len = sizeof(buffer);
	say("parts", "encrypt final of half a block", p11->C_EncryptFinal(ro, buffer, &len));
	len = sizeof(buffer);
	say("parts", "encrypt final twice", p11->C_EncryptFinal(ro, buffer, &len));
}

static void verifies(void)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };

	say("verify", "early", p11->C_Verify(ro, data, 8, buffer, 256));
	say("verify", "final early", p11->C_VerifyFinal(ro, buffer, 256));
	say("verify", "init NULL", p11->C_VerifyInit(ro, NULL, rsa_public));
	say("verify", "private key", p11->C_VerifyInit(ro, &mechanism, rsa));
	(void)p11->C_Verify(ro, data, 8, buffer, 256);
	say("verify", "init", p11->C_VerifyInit(ro, &mechanism, rsa_public));
	say("verify", "init twice", p11->C_VerifyInit(ro, &mechanism, rsa_public));
	say("verify", "short signature", p11->C_Verify(ro, data, 8, buffer, 17));
	say("verify", "after that", p11->C_Verify(ro, data, 8, buffer, 256));
	(void)p11->C_VerifyInit(ro, &mechanism, rsa_public);
	memset(buffer, 1, 256);
	say("verify", "wrong signature", p11->C_Verify(ro, data, 8, buffer, 256));
	(void)p11->C_VerifyInit(ro, &mechanism, rsa_public);
	say("verify", "NULL signature", p11->C_Verify(ro, data, 8, NULL, 256));
	(void)p11->C_Verify(ro, data, 8, buffer, 256);
	say("verify", "ECDSA init", p11->C_VerifyInit(ro, &ecdsa, ec_public));
	say("verify", "ECDSA short signature", p11->C_Verify(ro, data, 32, buffer, 10));
	(void)p11->C_VerifyInit(ro, &ecdsa, ec_public);
	say("verify", "ECDSA wrong signature", p11->C_Verify(ro, data, 32, buffer, 64));
}

static void keys(void)
{
	CK_ULONG odd = 17;
	CK_ULONG good = 16;
	CK_ULONG bits = 100;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE odd_len = { CKA_VALUE_LEN, &odd, sizeof(odd) };
	CK_ATTRIBUTE token[] = { { CKA_VALUE_LEN, &good, sizeof(good) }, { CKA_TOKEN, &yes, 1 } };
	CK_ATTRIBUTE modulus = { CKA_MODULUS_BITS, &bits, sizeof(bits) };
	CK_ATTRIBUTE curve = { CKA_EC_PARAMS, data, 8 };
	CK_MECHANISM aes_gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_MECHANISM rsa_gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_MECHANISM ec_gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_MECHANISM derive = { CKM_ECDH1_DERIVE, NULL, 0 };
	CK_OBJECT_HANDLE a, b;
	CK_ULONG len = sizeof(buffer);

	say("key", "no mechanism", p11->C_GenerateKey(ro, NULL, &odd_len, 1, &a));
	say("key", "pair mechanism", p11->C_GenerateKey(ro, &rsa_gen, &odd_len, 1, &a));
	say("key", "no length", p11->C_GenerateKey(ro, &aes_gen, NULL, 0, &a));
	say("key", "odd length", p11->C_GenerateKey(ro, &aes_gen, &odd_len, 1, &a));
	say("key", "NULL handle", p11->C_GenerateKey(ro, &aes_gen, token, 1, NULL));
	say("key", "NULL template", p11->C_GenerateKey(ro, &aes_gen, NULL, 1, &a));
	say("key", "token key read-only", p11->C_GenerateKey(ro, &aes_gen, token, 2, &a));
	say("pair", "no mechanism", p11->C_GenerateKeyPair(ro, NULL, &modulus, 1, NULL, 0, &a, &b));
	say("pair", "no bits", p11->C_GenerateKeyPair(ro, &rsa_gen, NULL, 0, NULL, 0, &a, &b));
	say("pair", "few bits", p11->C_GenerateKeyPair(ro, &rsa_gen, &modulus, 1, NULL, 0, &a, &b));
	say("pair", "NULL handle",
		p11->C_GenerateKeyPair(ro, &rsa_gen, &modulus, 1, NULL, 0, NULL, &b));
	say("pair", "no curve", p11->C_GenerateKeyPair(ro, &ec_gen, NULL, 0, NULL, 0, &a, &b));
	say("pair", "odd curve", p11->C_GenerateKeyPair(ro, &ec_gen, &curve, 1, NULL, 0, &a, &b));
	say("pair", "secret mechanism",
		p11->C_GenerateKeyPair(ro, &aes_gen, &modulus, 1, NULL, 0, &a, &b));
	say("wrap", "no mechanism", p11->C_WrapKey(ro, NULL, aes, aes, buffer, &len));
	say("wrap", "unknown wrapping key",
		p11->C_WrapKey(ro, &wrap, BAD_HANDLE, aes, buffer, &len));
	say("wrap", "unknown key", p11->C_WrapKey(ro, &wrap, aes, BAD_HANDLE, buffer, &len));
	say("wrap", "not for wrapping", p11->C_WrapKey(ro, &wrap, aes, aes, buffer, &len));
	say("wrap", "NULL length", p11->C_WrapKey(ro, &wrap, aes, aes, buffer, NULL));
	say("unwrap", "unknown key",
		p11->C_UnwrapKey(ro, &wrap, BAD_HANDLE, buffer, 24, token, 1, &a));
	say("unwrap", "no mechanism", p11->C_UnwrapKey(ro, NULL, aes, buffer, 24, token, 1, &a));
	say("derive", "no mechanism", p11->C_DeriveKey(ro, NULL, ec, token, 1, &a));
	say("derive", "no parameter", p11->C_DeriveKey(ro, &derive, ec, token, 1, &a));
	say("derive", "unknown key", p11->C_DeriveKey(ro, &derive, BAD_HANDLE, token, 1, &a));
	say("derive", "wrong mechanism", p11->C_DeriveKey(ro, &wrap, ec, token, 1, &a));
}

static void rarities(void)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_ULONG len = sizeof(buffer);

	say("rare", "sign recover init", p11->C_SignRecoverInit(ro, &mechanism, rsa));
	say("rare", "sign recover", p11->C_SignRecover(ro, data, 8, buffer, &len));
	say("rare", "verify recover init", p11->C_VerifyRecoverInit(ro, &mechanism, rsa_public));
	say("rare", "verify recover", p11->C_VerifyRecover(ro, data, 8, buffer, &len));
	say("rare", "digest encrypt", p11->C_DigestEncryptUpdate(ro, data, 8, buffer, &len));
	say("rare", "decrypt digest", p11->C_DecryptDigestUpdate(ro, data, 8, buffer, &len));
	say("rare", "sign encrypt", p11->C_SignEncryptUpdate(ro, data, 8, buffer, &len));
	say("rare", "decrypt verify", p11->C_DecryptVerifyUpdate(ro, data, 8, buffer, &len));
}

static void endings(void)
{
	CK_SESSION_INFO info;
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };

	say("end", "logout", p11->C_Logout(rw));
	say("end", "private key", p11->C_SignInit(ro, &mechanism, rsa));
	say("end", "close", p11->C_CloseSession(ro));
	say("end", "close twice", p11->C_CloseSession(ro));
	say("end", "close all", p11->C_CloseAllSessions(slot));
	say("end", "info", p11->C_GetSessionInfo(rw, &info));
	say("end", "finalize", p11->C_Finalize(NULL));
	say("end", "finalize twice", p11->C_Finalize(NULL));
	say("end", "use", p11->C_GetSessionInfo(rw, &info));
}

int main(int argc, char **argv)
{
	static void (*const groups[])(void) = { slots_and_tokens, sessions, logins, make_keys,
		finds, creations, attributes, operations, parts, verifies, keys, rarities,
		endings };
	void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get_function_list;

	if (!library)
		return 2;
	pin = (CK_UTF8CHAR *)argv[2];
	*(void **)&get_function_list = dlsym(library, "C_GetFunctionList");
	if (get_function_list(&p11) != CKR_OK)
		return 2;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	before_initialize();
	if (!find_slot())
		return 3;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		groups[i]();
	return 0;
}
