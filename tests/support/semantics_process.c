/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of one program and its forked children. */
#include "semantics.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void *sign_many(void *failures)
{
	CK_SESSION_HANDLE session = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_BYTE id = ID_P256;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG count = 0;
	CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);

	rv |= p11->C_FindObjectsInit(session, template, 2);
	rv |= p11->C_FindObjects(session, &key, 1, &count);
	rv |= p11->C_FindObjectsFinal(session);
	for (int i = 0; i < 200 && rv == CKR_OK; i++) {
		CK_BYTE signature[64];
		CK_ULONG len = sizeof(signature);

		rv |= p11->C_SignInit(session, &mechanism, key);
		rv |= p11->C_Sign(session, signature, 1, signature, &len);
	}
	*(CK_RV *)failures = rv | p11->C_CloseSession(session);
	return NULL;
}

static void eight_threads_sign_in_parallel(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	pthread_t threads[8];
	CK_RV failures[8];

	(void)state;
	log_in(session);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &failures[i]), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(failures[i], CKR_OK);
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

/* Exit status 0 when the child is a program of its own: nothing is asserted in it. */
static int child_is_independent(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;
	CK_SESSION_HANDLE own;

	if (p11->C_GetSessionInfo(session, &info) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return 1;
	if (p11->C_Initialize(NULL) != CKR_OK)
		return 2;
	if (p11->C_GetSessionInfo(session, &info) != CKR_SESSION_HANDLE_INVALID)
		return 3;
	if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &own) != CKR_OK)
		return 4;
	if (p11->C_GetSessionInfo(own, &info) != CKR_OK || info.state != CKS_RO_PUBLIC_SESSION)
		return 5;
	return p11->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

static void child_after_fork_is_a_program_of_its_own(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	int status = -1;

	(void)state;
	log_in(session);
	pid_t child = fork();

	if (child == 0)
		_exit(child_is_independent(session));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(state_of(session), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void child_that_finalizes_at_once_harms_nobody(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	int status = -1;

	(void)state;
	log_in(session);
	pid_t child = fork();

	if (child == 0)
		_exit(p11->C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(state_of(session), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

int semantics_process(void)
{
	static const struct CMUnitTest tests[] = {
		IN_SESSION(eight_threads_sign_in_parallel),
		IN_SESSION(child_after_fork_is_a_program_of_its_own),
		IN_SESSION(child_that_finalizes_at_once_harms_nobody),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
