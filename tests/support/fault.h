/* SPDX-License-Identifier: Apache-2.0 */
/* The fault table: one program that meets every fault in one life of the module, and its tools. */
#ifndef IOTHSM_TEST_FAULT_H
#define IOTHSM_TEST_FAULT_H

#include <iothsm/pkcs11-3.2.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One row: meet() makes the fault and the call, after() shows what works then without C_Finalize.
 */
struct fault {
	const char *name;
	const char *call;
	CK_RV expected;
	CK_RV (*meet)(void);
	const char *after_name;
	CK_RV (*after)(void);
};

extern const struct fault host_faults[], hang_faults[], token_faults[], process_faults[],
	agent_faults[];
extern const size_t host_fault_count, hang_fault_count, token_fault_count, process_fault_count,
	agent_fault_count;

enum { FAULT_CALL_SECONDS = 3 }; /* call_timeout of the backend */

/* What the rows share: the session, login and key handle of all of them. */
struct fault_state {
	CK_FUNCTION_LIST *p11;
	const char *module, *work, *bin;
	CK_UTF8CHAR *pin;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	pid_t agent;
};

extern struct fault_state fault;

void fault_must(bool holds, const char *what);

/* Looks again until it is so, at most 30 seconds. */
bool fault_await(bool (*is_so)(const void *), const void *context);

/* Files in $FAULTY_DIR, see faulty_library.c. */
void fault_set(const char *name);
void fault_clear(const char *name);
size_t fault_count(const char *name);
void fault_await_file(const char *name); /* exists; it is removed */

/* Processes. The agent's log is WORK/agent.log, its configuration WORK/NAME. */
void fault_start_agent(const char *program, const char *configuration);
void fault_end_agent(int signal);
pid_t fault_host(void);     /* the token host, waited for */
void fault_kill_host(void); /* and waits until it is gone */
bool fault_agent_says(const char *text, size_t times);
size_t fault_times_said(const char *text);

/* Calls on the shared session. */
CK_RV fault_find_slot(void);
CK_RV fault_open(void); /* session, login, key anew */
CK_RV fault_login(void);
CK_RV fault_find_key(void);
CK_RV fault_sign(void);
CK_RV fault_login_and_sign(void);

/* fault_sign() in a thread that is inside the backend, hanging, when this returns; then its result.
 */
void fault_begin_sign(void);
CK_RV fault_end_sign(void);

/* A program of its own, which forks from here: C_Initialize, slots, session, login and signature.
 */
CK_RV fault_newcomer(void);
pid_t fault_start_newcomer(void);
CK_RV fault_result_of(pid_t child);
int fault_exit_status(CK_RV rv); /* 0xFF for one that does not fit */

#endif
