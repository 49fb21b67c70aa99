/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the fault table: programs that fork or stop, descriptors and disks that run out. */
#include "fault.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HOST_ALWAYS_OPEN = 4 }; /* standard descriptors and its link to the agent */

static rlim_t set_limit(pid_t pid, __rlimit_resource_t resource, rlim_t value)
{
	struct rlimit limit;

	fault_must(prlimit(pid, resource, NULL, &limit) == 0, "prlimit");
	rlim_t former = limit.rlim_cur;

	limit.rlim_cur = value;
	fault_must(prlimit(pid, resource, &limit, NULL) == 0, "prlimit");
	return former;
}

/* The lowest number that is free: from this limit on there is no descriptor for anything new. */
static rlim_t full(pid_t pid)
{
	char path[64];
	rlim_t count = 0;

	do {
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%lu", (int)pid, count);
	} while (access(path, F_OK) == 0 && ++count < 4096);
	return count;
}

static CK_RV info_in_thread;

static void *get_info(void *unused)
{
	CK_SESSION_INFO info;
	CK_SESSION_HANDLE other;

	info_in_thread =
		fault.p11->C_OpenSession(fault.slot, CKF_SERIAL_SESSION, NULL, NULL, &other);
	if (info_in_thread == CKR_OK)
		info_in_thread = fault.p11->C_GetSessionInfo(other, &info);
	if (info_in_thread == CKR_OK)
		info_in_thread = fault.p11->C_CloseSession(other);
	return unused;
}

/* Two threads and descriptors for one connection only. */
static CK_RV client_without_descriptors(void)
{
	pthread_t thread;

	fault_must(fault_sign() == CKR_OK, "C_Sign");
	fault_begin_sign();
	rlim_t former = set_limit(0, RLIMIT_NOFILE, full(getpid()));

	fault_must(pthread_create(&thread, NULL, get_info, NULL) == 0, "a thread");
	CK_RV rv = fault_end_sign();

	fault_must(pthread_join(thread, NULL) == 0, "a thread");
	(void)set_limit(0, RLIMIT_NOFILE, former);
	return rv == CKR_OK ? info_in_thread : rv;
}

static CK_RV agent_without_descriptors(void)
{
	size_t said = fault_times_said("cannot accept a connection");
	rlim_t former = set_limit(fault.agent, RLIMIT_NOFILE, full(fault.agent));
	pid_t newcomer = fault_start_newcomer();

	fault_must(fault_agent_says("cannot accept a connection", said + 1), "no complaint");
	CK_RV rv = fault_sign();

	(void)set_limit(fault.agent, RLIMIT_NOFILE, former);
	CK_RV newcomers = fault_result_of(newcomer);

	return rv == CKR_OK ? newcomers : rv;
}

static CK_RV host_without_descriptors(void)
{
	pid_t host = fault_host();
	/* Below what it always has open, whatever it is closing now. */
	rlim_t former = set_limit(host, RLIMIT_NOFILE, HOST_ALWAYS_OPEN);
	CK_RV rv = fault_newcomer();

	fault_must(kill(host, 0) == 0, "the host is gone");
	(void)set_limit(host, RLIMIT_NOFILE, former);
	return rv;
}

static CK_RV generate(void)
{
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public[] = { { CKA_EC_PARAMS, p256, sizeof(p256) },
		{ CKA_TOKEN, &yes, sizeof(yes) } };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &yes, sizeof(yes) } };
	CK_OBJECT_HANDLE keys[2];
	CK_RV rv = fault.p11->C_GenerateKeyPair(
		fault.session, &mechanism, public, 2, private, 1, &keys[0], &keys[1]);

	for (size_t i = 0; rv == CKR_OK && i < 2; i++)
		rv = fault.p11->C_DestroyObject(fault.session, keys[i]);
	return rv;
}

/* No byte more fits into any file: what a full disk is for the one who writes. */
static CK_RV disk_full(void)
{
	pid_t host = fault_host();
	rlim_t former = set_limit(host, RLIMIT_FSIZE, 0);
	CK_RV rv = generate();
	CK_RV signing = fault_sign();

	(void)set_limit(host, RLIMIT_FSIZE, former);
	fault_must(signing == CKR_OK, "C_Sign while the disk is full");
	fault_must(host == fault_host(), "the host does not bear a full disk");
	return rv;
}

static CK_RV generate_and_sign(void)
{
	CK_RV rv = generate();

	return rv == CKR_OK ? fault_sign() : rv;
}

static atomic_bool enough;

static void *keep_asking(void *failures)
{
	while (!atomic_load(&enough)) {
		CK_BYTE random[8];

		if (fault.p11->C_GenerateRandom(fault.session, random, sizeof(random)) != CKR_OK)
			++*(size_t *)failures;
	}
	return NULL;
}

/* fork() at any moment of the other threads. */
static CK_RV fork_amid_threads(void)
{
	pthread_t threads[4];
	size_t failures[4] = { 0 };
	CK_RV rv = CKR_OK;

	atomic_store(&enough, false);
	for (size_t i = 0; i < 4; i++)
		fault_must(pthread_create(&threads[i], NULL, keep_asking, &failures[i]) == 0,
			"a thread");
	for (size_t i = 0; i < 5 && rv == CKR_OK; i++)
		rv = fault_newcomer();
	atomic_store(&enough, true);
	for (size_t i = 0; i < 4; i++)
		fault_must(pthread_join(threads[i], NULL) == 0 && failures[i] == 0,
			"the parent's threads");
	return rv;
}

static CK_RV finalize_in_child(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(fault.p11->C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : 1);
	return fault_result_of(child) == CKR_OK ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_GENERAL_ERROR;
}

static CK_RV digest_while_stopped(void)
{
	CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
	CK_BYTE digest[32];
	CK_ULONG len = sizeof(digest);
	CK_RV rv = fault.p11->C_Initialize(NULL);

	if (rv == CKR_OK)
		rv = fault_find_slot();
	if (rv == CKR_OK)
		rv = fault_open();
	if (rv == CKR_OK)
		rv = fault.p11->C_DigestInit(fault.session, &mechanism);
	if (rv == CKR_OK)
		rv = fault.p11->C_DigestUpdate(fault.session, digest, 1);
	(void)raise(SIGSTOP);
	return rv == CKR_OK ? fault.p11->C_DigestFinal(fault.session, digest, &len) : rv;
}

/* Longer than a call may take, in the middle of an operation, while others work. */
static CK_RV client_stopped(void)
{
	time_t until = time(NULL) + FAULT_CALL_SECONDS + 1;
	pid_t child = fork();
	CK_RV rv = CKR_OK;
	int status = 0;

	if (child == 0)
		_exit(fault_exit_status(digest_while_stopped()));
	fault_must(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status),
		"the other program does not stop");
	while (rv == CKR_OK && time(NULL) < until)
		rv = fault_sign();
	fault_must(rv == CKR_OK && kill(child, SIGCONT) == 0, "C_Sign meanwhile");
	return fault_result_of(child);
}

const struct fault process_faults[] = {
	{ "client without descriptors, 2 threads", "C_Sign, C_OpenSession", CKR_OK,
		client_without_descriptors, "C_Sign", fault_sign },
	{ "agent without descriptors", "C_Sign, newcomer's", CKR_OK, agent_without_descriptors,
		"newcomer's C_Sign", fault_newcomer },
	{ "host without descriptors", "newcomer's C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT,
		host_without_descriptors, "newcomer's C_Sign", fault_newcomer },
	{ "disk full", "C_GenerateKeyPair", CKR_FUNCTION_FAILED, disk_full,
		"C_GenerateKeyPair, C_Sign", generate_and_sign },
	{ "fork amid 4 threads", "child's C_Sign", CKR_OK, fork_amid_threads, "C_Sign",
		fault_sign },
	{ "fork, C_Finalize in the child", "C_Finalize", CKR_CRYPTOKI_NOT_INITIALIZED,
		finalize_in_child, "C_Sign", fault_sign },
	{ "client stopped amid a digest", "C_DigestFinal", CKR_OK, client_stopped, "C_Sign",
		fault_sign },
};
const size_t process_fault_count = sizeof(process_faults) / sizeof(process_faults[0]);
