/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for slot events until a line of input comes, then ends its own wait by C_Finalize. */
#include <dlfcn.h>
#include <iothsm/pkcs11-3.2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static CK_FUNCTION_LIST *p11;

static CK_RV load(const char *module)
{
	void *library = dlopen(module, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;

	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	return get ? get(&p11) : CKR_GENERAL_ERROR;
}

/* The label of the token that came, or why there is none any more. */
static void describe(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info = { 0 };
	CK_RV rv = p11->C_GetTokenInfo(slot, &info);

	if (rv == CKR_OK)
		(void)printf("event %lu %.32s\n", slot, info.label);
	else
		(void)printf("event %lu 0x%lx\n", slot, rv);
	(void)fflush(stdout);
}

static CK_RV hear_all(CK_FLAGS flags)
{
	CK_SLOT_ID slot = 0;
	CK_RV rv;

	while ((rv = p11->C_WaitForSlotEvent(flags, &slot, NULL)) == CKR_OK)
		describe(slot);
	(void)printf("0x%lx\n", rv);
	(void)fflush(stdout);
	return rv;
}

static void *wait_for_events(void *context)
{
	(void)context;
	(void)hear_all(0);
	return NULL;
}

/* wait: one thread waits for events until there is input. */
static int run_wait(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_events, NULL) != 0)
		return 1;
	(void)getchar();
	(void)p11->C_Finalize(NULL);
	return pthread_join(thread, NULL);
}

/* poll: at each line of input all events so far. */
static int run_poll(void)
{
	char line[16];

	while (fgets(line, sizeof(line), stdin))
		(void)hear_all(CKF_DONT_BLOCK);
	return p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = sizeof(slots) / sizeof(slots[0]);

	if (argc != 3 || load(argv[2]) != CKR_OK || p11->C_Initialize(NULL) != CKR_OK ||
		p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) {
		(void)fprintf(stderr, "usage: slot_events wait|poll MODULE\n");
		return 2;
	}
	(void)puts("ready");
	(void)fflush(stdout);
	return argv[1][0] == 'w' ? run_wait() : run_poll();
}
