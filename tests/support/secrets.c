/* SPDX-License-Identifier: Apache-2.0 */
/* A client that logs in, imports a key, decrypts, and logs out, and itself keeps no secret longer
 * than a call takes: secrets MODULE LABEL DIRECTORY, a line of stdin for each step. */
#include <dlfcn.h>
#include <fcntl.h>
#include <iothsm/pkcs11-3.2.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_LEN = 16, SLOTS_MAX = 64 };

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;
static const char *directory;

static void must(const char *what, CK_RV rv)
{
	if (rv == CKR_OK)
		return;
	(void)fprintf(stderr, "secrets: %s: 0x%lx\n", what, rv);
	exit(1);
}

/* Each time from its file: between two uses it is nowhere here. */
static void load(const char *name, CK_BYTE *secret)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, secret, SECRET_LEN) : -1;

	if (fd >= 0)
		(void)close(fd);
	must(path, len == SECRET_LEN ? CKR_OK : CKR_GENERAL_ERROR);
}

static CK_SLOT_ID find_slot(const char *label)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_TOKEN_INFO info;

	must("C_GetSlotList", p11->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count; i++)
		if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
			strncmp((const char *)info.label, label, strlen(label)) == 0)
			return slots[i];
	must("no such token", CKR_TOKEN_NOT_PRESENT);
	return 0;
}

static void log_in(CK_USER_TYPE user, const char *name)
{
	CK_BYTE pin[SECRET_LEN];

	load(name, pin);
	must("C_Login", p11->C_Login(session, user, pin, sizeof(pin)));
	explicit_bzero(pin, sizeof(pin));
}

static CK_OBJECT_HANDLE create(CK_OBJECT_CLASS class, const char *name)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	static CK_KEY_TYPE aes = CKK_AES;
	CK_BYTE value[SECRET_LEN];
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &no, sizeof(no) }, { CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_VALUE, value, sizeof(value) }, { CKA_KEY_TYPE, &aes, sizeof(aes) },
		{ CKA_ENCRYPT, &yes, sizeof(yes) }, { CKA_DECRYPT, &yes, sizeof(yes) } };
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	load(name, value);
	must("C_CreateObject",
		p11->C_CreateObject(session, template, class == CKO_DATA ? 4 : 7, &object));
	explicit_bzero(value, sizeof(value));
	return object;
}

static void read_value(CK_OBJECT_HANDLE object)
{
	CK_BYTE value[SECRET_LEN];
	CK_ATTRIBUTE attribute = { CKA_VALUE, value, sizeof(value) };

	must("C_GetAttributeValue", p11->C_GetAttributeValue(session, object, &attribute, 1));
	explicit_bzero(value, sizeof(value));
}

static void encrypt_and_decrypt(CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { CKM_AES_ECB, NULL, 0 };
	CK_BYTE plain[SECRET_LEN], cipher[SECRET_LEN];
	CK_ULONG len = sizeof(cipher);

	load("plaintext", plain);
	must("C_EncryptInit", p11->C_EncryptInit(session, &mechanism, key));
	must("C_Encrypt", p11->C_Encrypt(session, plain, sizeof(plain), cipher, &len));
	explicit_bzero(plain, sizeof(plain));
	must("C_DecryptInit", p11->C_DecryptInit(session, &mechanism, key));
	must("C_Decrypt", p11->C_Decrypt(session, cipher, len, plain, &len));
	explicit_bzero(plain, sizeof(plain));
}

static void step_in(void)
{
	log_in(CKU_USER, "pin");
	CK_OBJECT_HANDLE key = create(CKO_SECRET_KEY, "key");

	read_value(create(CKO_DATA, "value"));
	for (int i = 0; i < 3; i++)
		encrypt_and_decrypt(key);
}

/* A search waits for a host that died; the private object says that the login came back. */
static void step_use(void)
{
	must("C_FindObjectsInit", p11->C_FindObjectsInit(session, NULL, 0));
	must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
	read_value(create(CKO_DATA, "value"));
}

static void step_out(void)
{
	must("C_Logout", p11->C_Logout(session));
}

static void step_so(void)
{
	CK_BYTE pin[SECRET_LEN];

	log_in(CKU_SO, "so_pin");
	load("new_pin", pin);
	must("C_InitPIN", p11->C_InitPIN(session, pin, sizeof(pin)));
	explicit_bzero(pin, sizeof(pin));
	must("C_Logout", p11->C_Logout(session));
}

static void step_change(void)
{
	CK_BYTE old[SECRET_LEN], new[SECRET_LEN];

	log_in(CKU_USER, "new_pin");
	load("new_pin", old);
	load("last_pin", new);
	must("C_SetPIN", p11->C_SetPIN(session, old, sizeof(old), new, sizeof(new)));
	explicit_bzero(old, sizeof(old));
	explicit_bzero(new, sizeof(new));
	must("C_Logout", p11->C_Logout(session));
}

/* A PIN that is wrong: it was only nearly a secret, but may be a typing error away from one. */
static void step_wrong(void)
{
	CK_BYTE pin[SECRET_LEN];

	load("value", pin);
	CK_RV rv = p11->C_Login(session, CKU_USER, pin, sizeof(pin));

	explicit_bzero(pin, sizeof(pin));
	must("a wrong PIN", rv == CKR_PIN_INCORRECT ? CKR_OK : CKR_GENERAL_ERROR);
}

static const struct {
	const char *name;
	void (*run)(void);
} steps[] = { { "in", step_in }, { "use", step_use }, { "out", step_out }, { "so", step_so },
	{ "change", step_change }, { "wrong", step_wrong } };

static void run_step(const char *name)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i].name, name) == 0)
			steps[i].run();
	(void)printf("%s\n", name);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	CK_C_GetFunctionList get_list = NULL;
	char line[16];

	if (argc != 4) {
		(void)fprintf(stderr, "usage: secrets MODULE LABEL DIRECTORY\n");
		return 2;
	}
	void *module = dlopen(argv[1], RTLD_NOW);
	void *symbol = module ? dlsym(module, "C_GetFunctionList") : NULL;

	must("dlopen", symbol ? CKR_OK : CKR_GENERAL_ERROR);
	memcpy(&get_list, &symbol, sizeof(get_list));
	must("C_GetFunctionList", get_list(&p11));
	must("C_Initialize", p11->C_Initialize(NULL));
	directory = argv[3];
	must("C_OpenSession", p11->C_OpenSession(find_slot(argv[2]),
				      CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run_step(line);
	}
	must("C_Finalize", p11->C_Finalize(NULL));
	return 0;
}
