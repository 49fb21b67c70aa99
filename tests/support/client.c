/* SPDX-License-Identifier: Apache-2.0 */
/* A PKCS#11 program for the integration tests: does what no stock tool does, one command an
 * invocation. */
#include <dlfcn.h>
#include <iothsm/iothsm.h>
#include <iothsm/pkcs11-3.2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLIENT_SIGNATURE_MAX = 1024 };

struct client {
	void *library;
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
};

static void die(const char *what, CK_RV rv)
{
	(void)fprintf(stderr, "client: %s: 0x%lx\n", what, rv);
	exit(1);
}

static void check(const char *what, CK_RV rv)
{
	if (rv != CKR_OK)
		die(what, rv);
}

static void client_open(struct client *client, const char *module)
{
	CK_C_GetFunctionList get;

	client->library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	if (!client->library) {
		(void)fprintf(stderr, "client: %s\n", dlerror());
		exit(1);
	}
	*(void **)&get = dlsym(client->library, "C_GetFunctionList");
	check("C_GetFunctionList", get(&client->p11));
	check("C_Initialize", client->p11->C_Initialize(NULL));
}

static void client_session(struct client *client, const char *label, const char *pin)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = 64;
	CK_TOKEN_INFO info;
	bool found = false;

	check("C_GetSlotList", client->p11->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count && !found; i++) {
		check("C_GetTokenInfo", client->p11->C_GetTokenInfo(slots[i], &info));
		found = memcmp(info.label, label, strlen(label)) == 0;
		client->slot = slots[i];
	}
	if (!found)
		die("no such token", CKR_TOKEN_NOT_PRESENT);
	check("C_OpenSession",
		client->p11->C_OpenSession(client->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
			NULL, &client->session));
	if (pin)
		check("C_Login", client->p11->C_Login(client->session, CKU_USER,
					 (CK_UTF8CHAR *)(size_t)pin, strlen(pin)));
}

static CK_ULONG client_find(const struct client *client, CK_OBJECT_CLASS class, unsigned long id,
	CK_OBJECT_HANDLE *object)
{
	CK_BYTE id_byte = (CK_BYTE)id;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id_byte, 1 } };
	CK_ULONG count = 0;

	check("C_FindObjectsInit", client->p11->C_FindObjectsInit(client->session, template, 2));
	check("C_FindObjects", client->p11->C_FindObjects(client->session, object, 1, &count));
	check("C_FindObjectsFinal", client->p11->C_FindObjectsFinal(client->session));
	return count;
}

static CK_RV client_sign(const struct client *client, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
	CK_BYTE *signature, CK_ULONG *len)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE data[32] = "thirty-two bytes to be signed..";
	CK_RV rv = client->p11->C_SignInit(client->session, &mechanism, key);

	*len = CLIENT_SIGNATURE_MAX;
	return rv != CKR_OK
		       ? rv
		       : client->p11->C_Sign(client->session, data, sizeof(data), signature, len);
}

static bool client_verifies(const struct client *client, CK_MECHANISM_TYPE type,
	CK_OBJECT_HANDLE key, CK_BYTE *signature, CK_ULONG len)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE data[32] = "thirty-two bytes to be signed..";

	return client->p11->C_VerifyInit(client->session, &mechanism, key) == CKR_OK &&
	       client->p11->C_Verify(client->session, data, sizeof(data), signature, len) == CKR_OK;
}

static void say(const char *text)
{
	(void)puts(text);
	(void)fflush(stdout);
}

static void wait_for_line(void)
{
	char line[64];

	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

/*
 * sign-loop MODULE LABEL PIN ID MECHANISM COUNT [verify]: "ready", then COUNT signatures (0: until
 * SIGTERM), then the counts of what failed.
 */
static int sign_loop(int argc, char **argv)
{
	struct client client;
	CK_OBJECT_HANDLE key = 0;
	CK_OBJECT_HANDLE public_key = 0;
	CK_MECHANISM_TYPE type = strtoul(argv[6], NULL, 0);
	unsigned long id = strtoul(argv[5], NULL, 16);
	unsigned long limit = strtoul(argv[7], NULL, 10);
	unsigned long failed = 0;
	unsigned long wrong = 0;

	(void)signal(SIGTERM, stop);

	client_open(&client, argv[2]);
	client_session(&client, argv[3], argv[4]);
	if (client_find(&client, CKO_PRIVATE_KEY, id, &key) != 1 ||
		client_find(&client, CKO_PUBLIC_KEY, id, &public_key) != 1)
		die("no such key", CKR_KEY_HANDLE_INVALID);
	say("ready");
	for (unsigned long i = 0; !stopped && (limit == 0 || i < limit); i++) {
		CK_BYTE signature[CLIENT_SIGNATURE_MAX];
		CK_ULONG len;
		CK_RV rv = client_sign(&client, type, key, signature, &len);

		if (rv != CKR_OK) {
			(void)fprintf(stderr, "client: signature %lu: 0x%lx\n", i, rv);
			failed++;
		} else if (argc > 8 &&
			   !client_verifies(&client, type, public_key, signature, len)) {
			wrong++;
		}
	}
	(void)printf("failed=%lu wrong=%lu\n", failed, wrong);
	return wrong == 0 ? 0 : 1;
}

/* hold MODULE LABEL PIN ID MECHANISM: finds the key, prints its handle; signs again with it after
 * each line of input. */
static int hold(int argc, char **argv)
{
	struct client client;
	CK_OBJECT_HANDLE key = 0;

	(void)argc;
	client_open(&client, argv[2]);
	client_session(&client, argv[3], argv[4]);
	if (client_find(&client, CKO_PRIVATE_KEY, strtoul(argv[5], NULL, 16), &key) != 1)
		die("no such key", CKR_KEY_HANDLE_INVALID);
	(void)printf("%lu\n", key);
	(void)fflush(stdout);
	for (int i = 0; i < 2; i++) {
		CK_BYTE signature[CLIENT_SIGNATURE_MAX];
		CK_ULONG len;

		wait_for_line();
		(void)printf("0x%lx\n",
			client_sign(&client, strtoul(argv[6], NULL, 0), key, signature, &len));
		(void)fflush(stdout);
	}
	return 0;
}

/* guess MODULE LABEL HANDLE: uses a handle without being logged in; prints what each call answers.
 */
static int guess(int argc, char **argv)
{
	struct client client;
	CK_OBJECT_HANDLE key = strtoul(argv[4], NULL, 10);
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE found;
	CK_ULONG count = 0;
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };

	(void)argc;
	client_open(&client, argv[2]);
	client_session(&client, argv[3], NULL);
	check("C_FindObjectsInit", client.p11->C_FindObjectsInit(client.session, &template, 1));
	check("C_FindObjects", client.p11->C_FindObjects(client.session, &found, 1, &count));
	CK_RV sign = client.p11->C_SignInit(client.session, &mechanism, key);
	CK_RV attribute = client.p11->C_GetAttributeValue(client.session, key, &template, 1);
	CK_RV destroy = client.p11->C_DestroyObject(client.session, key);

	(void)printf("found=%lu sign=0x%lx attribute=0x%lx destroy=0x%lx\n", count, sign, attribute,
		destroy);
	return 0;
}

/* rescan MODULE: has the agent look for tokens again. */
static int rescan(int argc, char **argv)
{
	struct client client;
	CK_UTF8CHAR name[] = IOTHSM_ADMIN_INTERFACE;
	CK_INTERFACE *interface = NULL;
	CK_C_GetInterface get;

	(void)argc;
	client_open(&client, argv[2]);
	*(void **)&get = dlsym(client.library, "C_GetInterface");
	check("C_GetInterface", get(name, NULL, &interface, 0));
	const struct iothsm_admin *admin = interface->pFunctionList;

	check("rescan", admin->rescan());
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "sign-loop", 8, sign_loop },
		{ "hold", 7, hold },
		{ "guess", 5, guess },
		{ "rescan", 3, rescan },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc >= commands[i].arguments && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc, argv);
	}
	(void)fprintf(stderr, "usage: client sign-loop|hold|guess|rescan …\n");
	return 2;
}
