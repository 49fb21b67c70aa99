/* SPDX-License-Identifier: Apache-2.0 */
/* A SoftHSM2 token of a test's own, loaded into the test process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "softhsm.h"

/*
 * SoftHSM2 2.6.1 leaks the curve's name each time it loads an Edwards key. The sanitizer must
 * unwind through libcrypto, which has no frame pointers, to see whose leak it is.
 */
#define SANITIZER_HOOK __attribute__((visibility("default"), used))
SANITIZER_HOOK const char *__asan_default_options(void);
SANITIZER_HOOK const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
	return "leak:libsofthsm2.so";
}

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static const CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const CK_BYTE p384[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const CK_BYTE p521[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 };
static const CK_BYTE edwards25519[] = "\x13\x0c"
				      "edwards25519";

static const struct {
	const char *name;
	CK_MECHANISM_TYPE mechanism;
	struct bytes parameters;
} kinds[] = {
	[SOFTHSM_RSA_2048] = { "RSA-2048", CKM_RSA_PKCS_KEY_PAIR_GEN, { NULL, 0 } },
	[SOFTHSM_P256] = { "P-256", CKM_EC_KEY_PAIR_GEN, { p256, sizeof(p256) } },
	[SOFTHSM_P384] = { "P-384", CKM_EC_KEY_PAIR_GEN, { p384, sizeof(p384) } },
	[SOFTHSM_P521] = { "P-521", CKM_EC_KEY_PAIR_GEN, { p521, sizeof(p521) } },
	[SOFTHSM_ED25519] = { "Ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN,
		{ edwards25519, sizeof(edwards25519) - 1 } },
};

const char *softhsm_key_name(enum softhsm_key kind)
{
	return kinds[kind].name;
}

struct bytes softhsm_key_parameters(enum softhsm_key kind)
{
	return kinds[kind].parameters;
}

static bool write_configuration(const struct softhsm *softhsm)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/tokens", softhsm->directory);
	if (mkdir(path, 0700) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/softhsm2.conf", softhsm->directory);
	FILE *file = fopen(path, "we");

	if (!file || setenv("SOFTHSM2_CONF", path, 1) != 0)
		return false;
	int written = fprintf(
		file, "directories.tokendir = %s/tokens\nlog.level = ERROR\n", softhsm->directory);

	return fclose(file) == 0 && written > 0;
}

static CK_FUNCTION_LIST *load(void)
{
	void *library = dlopen(SOFTHSM_MODULE, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;
	CK_FUNCTION_LIST *functions = NULL;

	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	return get && get(&functions) == CKR_OK ? functions : NULL;
}

static CK_RV open_token(struct softhsm *softhsm)
{
	CK_FUNCTION_LIST *f = softhsm->functions;
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	CK_UTF8CHAR label[33] = "test                            ";
	CK_UTF8CHAR so_pin[] = SOFTHSM_SO_PIN, pin[] = SOFTHSM_PIN;
	CK_ULONG count = 1;

	TRY(f->C_Initialize(&arguments));
	TRY(f->C_GetSlotList(CK_FALSE, &softhsm->slot, &count));
	TRY(f->C_InitToken(softhsm->slot, so_pin, sizeof(so_pin) - 1, label));
	TRY(f->C_OpenSession(
		softhsm->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &softhsm->session));
	TRY(f->C_Login(softhsm->session, CKU_SO, so_pin, sizeof(so_pin) - 1));
	TRY(f->C_InitPIN(softhsm->session, pin, sizeof(pin) - 1));
	TRY(f->C_Logout(softhsm->session));
	return f->C_Login(softhsm->session, CKU_USER, pin, sizeof(pin) - 1);
}

int softhsm_setup(void **state)
{
	struct softhsm *softhsm = calloc(1, sizeof(*softhsm));

	if (!softhsm)
		return -1;
	*state = softhsm;
	(void)snprintf(softhsm->directory, sizeof(softhsm->directory), "/tmp/iothsm-test-XXXXXX");
	if (!mkdtemp(softhsm->directory) || !write_configuration(softhsm))
		return -1;
	softhsm->functions = load();
	return softhsm->functions && open_token(softhsm) == CKR_OK ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

int softhsm_teardown(void **state)
{
	struct softhsm *softhsm = *state;
	CK_RV rv = softhsm->functions->C_Finalize(NULL);
	int removed = nftw(softhsm->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);

	free(softhsm);
	return rv == CKR_OK ? removed : -1;
}

void softhsm_generate(const struct softhsm *softhsm, enum softhsm_key kind, CK_BYTE id,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG bits = 2048;
	struct bytes parameters = kinds[kind].parameters;
	CK_MECHANISM mechanism = { kinds[kind].mechanism, NULL, 0 };
	CK_ATTRIBUTE curve = { CKA_EC_PARAMS, (void *)(uintptr_t)parameters.data, parameters.len };
	CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &bits, sizeof(bits) };
	char label[] = "key";
	CK_ATTRIBUTE public_template[] = { kind == SOFTHSM_RSA_2048 ? size : curve,
		{ CKA_TOKEN, &yes, sizeof(yes) }, { CKA_VERIFY, &yes, sizeof(yes) },
		{ CKA_ID, &id, sizeof(id) }, { CKA_LABEL, label, 3 } };
	CK_ATTRIBUTE private_template[] = { { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) }, { CKA_SIGN, &yes, sizeof(yes) },
		{ CKA_ID, &id, sizeof(id) }, { CKA_LABEL, label, 3 } };

	assert_int_equal(softhsm->functions->C_GenerateKeyPair(softhsm->session, &mechanism,
				 public_template, ARRAY_LEN(public_template), private_template,
				 ARRAY_LEN(private_template), public_key, private_key),
		CKR_OK);
}

static CK_ULONG find(const struct softhsm *softhsm, CK_ATTRIBUTE *wanted, CK_ULONG wanted_count,
	CK_OBJECT_HANDLE *found, CK_ULONG room)
{
	CK_FUNCTION_LIST *f = softhsm->functions;
	CK_ULONG count = 0;

	assert_int_equal(f->C_FindObjectsInit(softhsm->session, wanted, wanted_count), CKR_OK);
	assert_int_equal(f->C_FindObjects(softhsm->session, found, room, &count), CKR_OK);
	assert_int_equal(f->C_FindObjectsFinal(softhsm->session), CKR_OK);
	return count;
}

CK_ULONG softhsm_count(const struct softhsm *softhsm, CK_OBJECT_CLASS class, const CK_BYTE *id,
	CK_OBJECT_HANDLE *first)
{
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, (void *)(uintptr_t)id, 1 },
	};
	CK_OBJECT_HANDLE found[64];
	CK_ULONG count = find(softhsm, wanted, id ? 2 : 1, found, ARRAY_LEN(found));

	if (first && count > 0)
		*first = found[0];
	return count;
}

int softhsm_clear(void **state)
{
	const struct softhsm *softhsm = *state;
	CK_OBJECT_HANDLE found[64];
	CK_ULONG count = find(softhsm, NULL, 0, found, ARRAY_LEN(found));

	for (CK_ULONG i = 0; i < count; i++) {
		if (softhsm->functions->C_DestroyObject(softhsm->session, found[i]) != CKR_OK)
			return -1;
	}
	return 0;
}
