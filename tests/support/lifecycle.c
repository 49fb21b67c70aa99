/* SPDX-License-Identifier: Apache-2.0 */
/* The module's beginning and end with threads, forks and waiting calls in between: started by
 * lifecycle.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <dlfcn.h>
#include <iothsm/iothsm.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, ENOUGH_SIGNATURES = 200, PATIENCE_SECONDS = 20 };

static CK_FUNCTION_LIST_3_2 *p11;
static const char *path;
static CK_UTF8CHAR *pin;
static CK_SLOT_ID slot;
static atomic_int signatures;

static void *load(void)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetInterface get_interface;
	CK_VERSION version = { 3, 2 };
	CK_INTERFACE *interface = NULL;

	if (!library)
		return NULL;
	*(void **)&get_interface = dlsym(library, "C_GetInterface");
	if (get_interface(NULL, &version, &interface, 0) != CKR_OK)
		return NULL;
	p11 = interface->pFunctionList;
	return library;
}

static int initialize(void **state)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;

	(void)state;
	if (p11->C_Initialize(NULL) != CKR_OK ||
		p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return -1;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
			memcmp(info.label, "lifecycle ", 10) == 0)
			slot = slots[i];
	}
	return slot ? 0 : -1;
}

static int finalize(void **state)
{
	(void)state;
	return p11->C_Finalize(NULL) == CKR_OK ? 0 : -1;
}

static CK_SESSION_HANDLE open_session(void)
{
	CK_SESSION_HANDLE session = 0;

	assert_int_equal(
		p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	return session;
}

static void log_in(CK_SESSION_HANDLE session)
{
	assert_int_equal(p11->C_Login(session, CKU_USER, pin, strlen((const char *)pin)), CKR_OK);
}

static size_t count_sockets(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;
	struct stat status;
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		count += fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
			 S_ISSOCK(status.st_mode);
	(void)closedir(folder);
	return count;
}

static size_t count_entries(const char *directory)
{
	DIR *folder = opendir(directory);
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

static void await_sockets(size_t wanted)
{
	time_t give_up = time(NULL) + PATIENCE_SECONDS;

	while (count_sockets() < wanted && time(NULL) < give_up)
		(void)sched_yield();
	assert_true(count_sockets() >= wanted);
}

static void *wait_for_event(void *result)
{
	CK_SLOT_ID changed = 0;

	*(CK_RV *)result = p11->C_WaitForSlotEvent(0, &changed, NULL);
	return NULL;
}

/* A thread that is inside C_WaitForSlotEvent, on a connection of its own. */
static pthread_t start_waiting(CK_RV *result)
{
	size_t before = count_sockets();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, result), 0);
	await_sockets(before + 1);
	return thread;
}

static CK_RV sign_once(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[64];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);

	return rv == CKR_OK ? p11->C_Sign(session, signature, 1, signature, &len) : rv;
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

static void *sign_until_the_end(void *result)
{
	CK_SESSION_HANDLE session = 0;
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);

	if (rv == CKR_OK)
		rv = find_key(session, &key);
	while (rv == CKR_OK) {
		rv = sign_once(session, key);
		(void)atomic_fetch_add(&signatures, 1);
	}
	*(CK_RV *)result = rv;
	return NULL;
}

static void every_3_2_function_answers_before_initialize_and_after_finalize(void **state)
{
	CK_ULONG count = 0;
	CK_FLAGS flags = 0;
	CK_SLOT_ID id = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p11->C_EncapsulateKey(1, NULL, 1, NULL, 0, NULL, &count, &id),
			CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_SessionCancel(1, CKF_SIGN), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_GetSessionValidationFlags(1, 1, &flags),
			CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &id, NULL),
			CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(
			p11->C_WaitForSlotEvent(0, &id, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(
			p11->C_GetSlotList(CK_FALSE, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(p11->C_CloseSession(1), CKR_CRYPTOKI_NOT_INITIALIZED);
		assert_int_equal(initialize(NULL), 0);
		assert_int_equal(
			p11->C_GetSessionValidationFlags(1, 1, &flags), CKR_FUNCTION_NOT_SUPPORTED);
		assert_int_equal(finalize(NULL), 0);
	}
}

static CK_RV make_mutex(void **mutex)
{
	*mutex = NULL;
	return CKR_OK;
}

static CK_RV use_mutex(void *mutex)
{
	(void)mutex;
	return CKR_OK;
}

/* The module has no threads of its own, so it can do with the program's mutexes. */
static void program_with_mutexes_alone_is_welcome(void **state)
{
	CK_C_INITIALIZE_ARGS mutexes = { make_mutex, use_mutex, use_mutex, use_mutex, 0, NULL };

	(void)state;
	assert_int_equal(p11->C_Initialize(&mutexes), CKR_OK);
	assert_int_equal(p11->C_Initialize(&mutexes), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	assert_int_equal(finalize(NULL), 0);
}

static void initialize_starts_no_thread(void **state)
{
	size_t before = count_entries("/proc/self/task");

	(void)state;
	assert_int_equal(initialize(NULL), 0);
	assert_int_equal(count_entries("/proc/self/task"), before);
	assert_int_equal(finalize(NULL), 0);
}

static void session_handle_does_not_outlive_finalize(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_SESSION_INFO info;

	(void)state;
	log_in(session);
	assert_int_equal(finalize(NULL), 0);
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(initialize(NULL), 0);
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	session = open_session();
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
}

static void no_event_is_said_at_once(void **state)
{
	CK_SLOT_ID id = 4711;

	(void)state;
	assert_int_equal(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &id, NULL), CKR_NO_EVENT);
	assert_int_equal(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &id, &id), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(id, 4711);
}

static void finalize_ends_waiting_calls_that_hinder_nobody(void **state)
{
	CK_RV results[2] = { CKR_OK, CKR_OK };
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		threads[i] = start_waiting(&results[i]);
	CK_SESSION_HANDLE session = open_session();
	CK_OBJECT_HANDLE key = 0;

	log_in(session);
	assert_int_equal(find_key(session, &key), CKR_OK);
	assert_int_equal(sign_once(session, key), CKR_OK);
	assert_int_equal(finalize(NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(results[i], CKR_CRYPTOKI_NOT_INITIALIZED);
	}
	assert_int_equal(initialize(NULL), 0);
}

static void finalize_ends_calls_in_flight(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	pthread_t threads[THREADS];
	CK_RV results[THREADS];

	(void)state;
	log_in(session);
	atomic_store(&signatures, 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, sign_until_the_end, &results[i]), 0);
	while (atomic_load(&signatures) < ENOUGH_SIGNATURES)
		(void)sched_yield();
	assert_int_equal(finalize(NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		/* The second when its Init needed no answer and so met no agent. */
		if (results[i] != CKR_SESSION_HANDLE_INVALID)
			assert_int_equal(results[i], CKR_CRYPTOKI_NOT_INITIALIZED);
	}
	assert_int_equal(count_sockets(), 0);
	assert_int_equal(initialize(NULL), 0);
}

static void unloading_leaves_a_thread_inside_unharmed(void **state)
{
	void *library = load();
	CK_RV result = CKR_OK;
	pthread_t thread = start_waiting(&result);

	(void)state;
	/* Both references: this test's and the program's. */
	assert_int_equal(dlclose(library), 0);
	assert_int_equal(dlclose(library), 0);
	assert_int_equal(finalize(NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(result, CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_ptr_equal(load(), library);
	assert_int_equal(initialize(NULL), 0);
}

/* 0 when the process starts afresh and can sign: nothing is asserted in a child. */
static int use_afresh(void)
{
	CK_SESSION_HANDLE session = 0;
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG count = 0;

	if (p11->C_GetSlotList(CK_FALSE, NULL, &count) != CKR_CRYPTOKI_NOT_INITIALIZED ||
		p11->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 1;
	if (initialize(NULL) != 0 ||
		p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return 2;
	if (p11->C_Login(session, CKU_USER, pin, strlen((const char *)pin)) != CKR_OK)
		return 3;
	if (find_key(session, &key) != CKR_OK || sign_once(session, key) != CKR_OK)
		return 4;
	return 0;
}

static int status_of(pid_t child)
{
	int status = -1;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int look_at_inheritance(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;

	if (p11->C_GetSessionInfo(session, &info) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 1;
	if (p11->C_CloseSession(session) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 2;
	if (initialize(NULL) != 0 || finalize(NULL) != 0)
		return 3;
	return count_sockets() == 0 ? 0 : 4;
}

static void child_gives_up_what_it_inherited_and_the_parent_keeps_it(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_SESSION_INFO info;

	(void)state;
	log_in(session);
	pid_t child = fork();

	if (child == 0)
		_exit(look_at_inheritance(session));
	assert_int_equal(status_of(child), 0);
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
}

/* Uses the module, forks again, and goes on using it afterwards. */
static int use_and_fork(void)
{
	int failure = use_afresh();

	if (failure)
		return failure;
	pid_t child = fork();

	if (child == 0)
		_exit(use_afresh());
	failure = status_of(child);
	if (failure)
		return 10 + failure;
	return finalize(NULL) == 0 ? 0 : 5;
}

static void grandchild_is_a_program_of_its_own(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_SESSION_INFO info;
	CK_RV result = CKR_OK;
	pthread_t thread = start_waiting(&result);

	(void)state;
	log_in(session);
	pid_t child = fork();

	if (child == 0)
		_exit(use_and_fork());
	assert_int_equal(status_of(child), 0);
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
	assert_int_equal(finalize(NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(result, CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(initialize(NULL), 0);
}

static void fork_amid_other_threads_calls_gives_a_sound_child(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	pthread_t threads[THREADS];
	CK_RV results[THREADS];

	(void)state;
	log_in(session);
	atomic_store(&signatures, 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, sign_until_the_end, &results[i]), 0);
	for (int i = 0; i < 10; i++) {
		int reached = atomic_load(&signatures);

		while (atomic_load(&signatures) < reached + THREADS)
			(void)sched_yield();
		pid_t child = fork();

		if (child == 0)
			_exit(use_afresh());
		assert_int_equal(status_of(child), 0);
	}
	assert_int_equal(finalize(NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(initialize(NULL), 0);
}

/* Says what happens, a line an event, until so many have come. */
static int report_events(int wanted)
{
	if (p11->C_Initialize(NULL) != CKR_OK)
		return 1;
	CK_ULONG count = 0;
	CK_SLOT_ID id = 0;

	if (p11->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK)
		return 1;
	(void)printf("waiting with %lu tokens\n", count);
	(void)fflush(stdout);
	for (int i = 0; i < wanted; i++) {
		CK_SLOT_INFO info;

		if (p11->C_WaitForSlotEvent(0, &id, NULL) != CKR_OK ||
			p11->C_GetSlotInfo(id, &info) != CKR_OK)
			return 1;
		(void)printf("%lu %s\n", id, info.flags & CKF_TOKEN_PRESENT ? "present" : "absent");
		(void)fflush(stdout);
	}
	return p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &id, NULL) == CKR_NO_EVENT &&
			       finalize(NULL) == 0
		       ? 0
		       : 1;
}

int main(int argc, char **argv)
{
#define IN_USE(name) cmocka_unit_test_setup_teardown(name, initialize, finalize)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_3_2_function_answers_before_initialize_and_after_finalize),
		cmocka_unit_test(program_with_mutexes_alone_is_welcome),
		cmocka_unit_test(initialize_starts_no_thread),
		IN_USE(session_handle_does_not_outlive_finalize),
		IN_USE(no_event_is_said_at_once),
		IN_USE(finalize_ends_waiting_calls_that_hinder_nobody),
		IN_USE(finalize_ends_calls_in_flight),
		IN_USE(unloading_leaves_a_thread_inside_unharmed),
		IN_USE(child_gives_up_what_it_inherited_and_the_parent_keeps_it),
		IN_USE(grandchild_is_a_program_of_its_own),
		IN_USE(fork_amid_other_threads_calls_gives_a_sound_child),
	};

	if (argc != 3)
		return 2;
	path = argv[1];
	if (!load())
		return 2;
	if (strncmp(argv[2], "events=", 7) == 0)
		return report_events(atoi(argv[2] + 7));
	pin = (CK_UTF8CHAR *)argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
