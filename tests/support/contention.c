/* SPDX-License-Identifier: Apache-2.0 */
/* Many programs and threads on one token: started by contention.sh, one mode a run. */
#include <dlfcn.h>
#include <iothsm/iothsm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PROGRAMS_MAX = 128,
	THREADS = 8,
	WARM = 50,      /* calls of each thread before anything is counted */
	SHARE = 2000,   /* calls that a thread makes when all make as many */
	TOLERANCE = 20, /* per cent of the share */
	ROUNDS = 3,
	LABEL_LEN = 32
};

static CK_FUNCTION_LIST *p11;
static const char *path, *token, *pin;

static int load(void)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get;

	if (!library)
		return 1;
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	return get(&p11) == CKR_OK ? 0 : 1;
}

static CK_RV find_slot(const char *label, CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;
	CK_RV rv = p11->C_GetSlotList(CK_TRUE, slots, &count);

	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
		CK_TOKEN_INFO info;

		rv = p11->C_GetTokenInfo(slots[i], &info);
		*slot = slots[i];
		if (rv == CKR_OK && memcmp(info.label, label, strlen(label)) == 0)
			return CKR_OK;
	}
	return rv == CKR_OK ? CKR_TOKEN_NOT_PRESENT : rv;
}

static CK_RV open_session(CK_SESSION_HANDLE *session)
{
	CK_SLOT_ID slot = 0;
	CK_RV rv = find_slot(token, &slot);

	return rv == CKR_OK ? p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
				      NULL, session)
			    : rv;
}

static CK_UTF8CHAR *text(const char *value)
{
	union {
		const char *given;
		CK_UTF8CHAR *taken;
	} both = { .given = value };

	return both.taken;
}

static CK_RV log_in(CK_SESSION_HANDLE session)
{
	return p11->C_Login(session, CKU_USER, text(pin), strlen(pin));
}

static CK_RV find_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *key)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG count = 0;
	CK_RV rv = p11->C_FindObjectsInit(session, &template, 1);

	if (rv == CKR_OK)
		rv = p11->C_FindObjects(session, key, 1, &count);
	if (rv == CKR_OK)
		rv = p11->C_FindObjectsFinal(session);
	return rv == CKR_OK && count != 1 ? CKR_KEY_HANDLE_INVALID : rv;
}

static CK_RV sign_once(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[64];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);

	return rv == CKR_OK ? p11->C_Sign(session, text("message"), 7, signature, &len) : rv;
}

/* One short program from its beginning to its end; says where it failed. */
static CK_RV live(bool signs, const char **step)
{
	CK_SESSION_HANDLE session = 0;
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = p11->C_Initialize(NULL);

	*step = "session";
	if (rv == CKR_OK)
		rv = open_session(&session);
	if (rv != CKR_OK)
		return rv;
	*step = "login";
	rv = log_in(session);
	if (rv == CKR_OK && signs) {
		*step = "signature";
		rv = find_key(session, &key);
		if (rv == CKR_OK)
			rv = sign_once(session, key);
	}
	return rv == CKR_OK ? p11->C_Finalize(NULL) : rv;
}

/* Nothing comes through the pipe: all programs go on when its writing end closes. */
static void run_program(const int gate[2], bool signs)
{
	char nothing;

	(void)close(gate[1]);
	if (read(gate[0], &nothing, 1) != 0)
		_exit(2);
	const char *step = "";
	CK_RV rv = live(signs, &step);

	if (rv != CKR_OK)
		(void)fprintf(stderr, "a program at its %s: 0x%lx\n", step, rv);
	_exit(rv == CKR_OK ? 0 : 1);
}

static int run_programs(int count, bool signs)
{
	int gate[2];
	int failures = 0;

	if (count < 1 || count > PROGRAMS_MAX || pipe(gate) != 0)
		return 2;
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0)
			run_program(gate, signs);
		failures += child < 0;
	}
	(void)close(gate[0]);
	(void)close(gate[1]);
	for (int i = 0; i < count; i++) {
		int status = -1;

		failures += wait(&status) < 0 || status != 0;
	}
	(void)printf("%d of %d programs failed\n", failures, count);
	return failures != 0;
}

struct signer {
	pthread_t thread;
	atomic_ulong calls;
	CK_RV rv;
};

static struct signer signers[THREADS];
static atomic_bool stop;

static void *sign_until_stop(void *context)
{
	struct signer *self = context;
	CK_SESSION_HANDLE session = 0;
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = open_session(&session);

	if (rv == CKR_OK)
		rv = find_key(session, &key);
	while (rv == CKR_OK && !atomic_load(&stop)) {
		rv = sign_once(session, key);
		(void)atomic_fetch_add(&self->calls, 1);
	}
	self->rv = rv;
	if (rv != CKR_OK)
		atomic_store(&stop, true);
	return NULL;
}

static unsigned long least_calls(void)
{
	unsigned long least = atomic_load(&signers[0].calls);

	for (int i = 1; i < THREADS; i++) {
		unsigned long calls = atomic_load(&signers[i].calls);

		least = calls < least ? calls : least;
	}
	return least;
}

static unsigned long all_calls(unsigned long calls[THREADS])
{
	unsigned long sum = 0;

	for (int i = 0; i < THREADS; i++) {
		calls[i] = atomic_load(&signers[i].calls);
		sum += calls[i];
	}
	return sum;
}

static CK_RV start_signers(CK_SESSION_HANDLE *session)
{
	CK_RV rv = p11->C_Initialize(NULL);

	if (rv == CKR_OK)
		rv = open_session(session);
	if (rv == CKR_OK)
		rv = log_in(*session);
	for (int i = 0; rv == CKR_OK && i < THREADS; i++)
		if (pthread_create(&signers[i].thread, NULL, sign_until_stop, &signers[i]) != 0)
			rv = CKR_HOST_MEMORY;
	return rv;
}

static int end_signers(void)
{
	int failures = 0;

	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(signers[i].thread, NULL);
		if (signers[i].rv != CKR_OK)
			(void)fprintf(stderr, "thread %d: 0x%lx\n", i, signers[i].rv);
		failures += signers[i].rv != CKR_OK;
	}
	return failures + (p11->C_Finalize(NULL) != CKR_OK);
}

static void until_each_made(unsigned long calls)
{
	while (least_calls() < calls && !atomic_load(&stop))
		(void)usleep(1000);
}

static int judge(
	const unsigned long before[THREADS], const unsigned long after[THREADS], unsigned long sum)
{
	int failures = 0;

	for (int i = 0; i < THREADS; i++) {
		unsigned long per_cent = (after[i] - before[i]) * 100 * THREADS / sum;

		(void)printf("thread %d: %lu calls, %lu %% of its share\n", i, after[i] - before[i],
			per_cent);
		failures += per_cent < 100 - TOLERANCE || per_cent > 100 + TOLERANCE;
	}
	return failures;
}

/* Counted over so many calls in all, however long they take. */
static int share_fairly(void)
{
	unsigned long before[THREADS];
	unsigned long after[THREADS];
	CK_SESSION_HANDLE session = 0;

	if (start_signers(&session) != CKR_OK)
		return 2;
	until_each_made(WARM);
	unsigned long start = all_calls(before);
	unsigned long end = start;

	while (end - start < (unsigned long)SHARE * THREADS && !atomic_load(&stop)) {
		(void)usleep(1000);
		end = all_calls(after);
	}
	int failures = end_signers();

	return failures + judge(before, after, end - start);
}

static CK_RV change_pin(CK_SESSION_HANDLE session, const char *from, const char *to)
{
	return p11->C_SetPIN(session, text(from), strlen(from), text(to), strlen(to));
}

/* Other clients' calls wait while the security officer is in. */
static CK_RV be_officer(CK_SESSION_HANDLE session, const char *so_pin)
{
	CK_RV rv = p11->C_Login(session, CKU_SO, text(so_pin), strlen(so_pin));

	if (rv == CKR_OK)
		rv = p11->C_InitPIN(session, text(pin), strlen(pin));
	return rv == CKR_OK ? p11->C_Logout(session) : rv;
}

static CK_RV administer_own(const char *so_pin)
{
	static const char another[] = "another-pin";
	CK_SESSION_HANDLE session = 0;
	CK_RV rv = open_session(&session);

	for (int i = 0; i < ROUNDS && rv == CKR_OK; i++) {
		rv = change_pin(session, pin, another);
		if (rv == CKR_OK)
			rv = change_pin(session, another, pin);
		if (rv == CKR_OK)
			rv = be_officer(session, so_pin);
	}
	return rv == CKR_OK ? p11->C_CloseSession(session) : rv;
}

/* Another token of the same library is made anew, then gets a PIN. */
static CK_RV administer_other(const char *label, const char *so_pin)
{
	CK_UTF8CHAR padded[LABEL_LEN];
	CK_SLOT_ID slot = 0;
	CK_SESSION_HANDLE session = 0;
	CK_RV rv = find_slot(label, &slot);

	memset(padded, ' ', sizeof(padded));
	memcpy(padded, label, strlen(label));
	if (rv == CKR_OK)
		rv = p11->C_InitToken(slot, text(so_pin), strlen(so_pin), padded);
	if (rv == CKR_OK)
		rv = p11->C_OpenSession(
			slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (rv == CKR_OK)
		rv = be_officer(session, so_pin);
	return rv == CKR_OK ? p11->C_CloseSession(session) : rv;
}

static void administer(const int gate[2], const char *other, const char *so_pin)
{
	char nothing;

	(void)close(gate[1]);
	if (read(gate[0], &nothing, 1) != 0)
		_exit(2);
	CK_RV rv = p11->C_Initialize(NULL);

	if (rv == CKR_OK)
		rv = administer_own(so_pin);
	if (rv == CKR_OK && strcmp(other, "-") != 0)
		rv = administer_other(other, so_pin);
	if (rv == CKR_OK)
		rv = p11->C_Finalize(NULL);
	if (rv != CKR_OK)
		(void)fprintf(stderr, "the administrator: 0x%lx\n", rv);
	_exit(rv == CKR_OK ? 0 : 1);
}

/* One program signs with all its threads while another one, older than its threads, administers. */
static int sign_beside(const char *other, const char *so_pin)
{
	CK_SESSION_HANDLE session = 0;
	int status = -1;
	int gate[2];

	if (pipe(gate) != 0)
		return 2;
	pid_t child = fork();

	if (child == 0)
		administer(gate, other, so_pin);
	(void)close(gate[0]);
	if (start_signers(&session) != CKR_OK)
		return 2;
	until_each_made(WARM);
	(void)close(gate[1]);
	int failures = waitpid(child, &status, 0) != child || status != 0;

	until_each_made(least_calls() + WARM);
	failures += end_signers();
	(void)printf("%lu calls of the slowest thread, %d failures\n", least_calls(), failures);
	return failures;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	path = argv[2];
	token = argv[3];
	pin = argv[4];
	if (load() != 0)
		return 2;
	if (argc == 6 && strcmp(argv[1], "sign") == 0)
		return run_programs(atoi(argv[5]), true);
	if (argc == 6 && strcmp(argv[1], "login") == 0)
		return run_programs(atoi(argv[5]), false);
	if (argc == 5 && strcmp(argv[1], "share") == 0)
		return share_fairly();
	if (argc == 7 && strcmp(argv[1], "beside") == 0)
		return sign_beside(argv[5], argv[6]);
	return 2;
}
