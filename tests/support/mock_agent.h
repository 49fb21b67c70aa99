/* SPDX-License-Identifier: Apache-2.0 */
/* An agent and one token host in a thread, for tests of the module: counts calls, restarts on
 * demand. */
#ifndef IOTHSM_MOCK_AGENT_H
#define IOTHSM_MOCK_AGENT_H

#include "wire.h"

enum {
	MOCK_SLOT = 7,
	MOCK_KEY = 42,
	MOCK_SIGNATURE_LEN = 8,
	MOCK_OBJECTS = 150,
	MOCK_KEY_ALWAYS = 43 /* CKA_ALWAYS_AUTHENTICATE */
};

/* Listens on a socket of its own and names it in IOTHSM_AGENT_SOCKET. */
void mock_start(void);
void mock_stop(void);

/* The old one is gone with all it held, and a new one there at once. */
void mock_restart_host(void);
void mock_restart_agent(void);

/* The next call of this function is executed, but its connection closed instead of an answer. */
void mock_lose_answer(Function function);

/* Absent: HELLO answers CKR_TOKEN_NOT_PRESENT. */
void mock_set_token_present(bool present);

/* The answer to the next call of this function, verbatim: for replies that a good agent never
 * gives. */
void mock_answer_raw(Function function, struct bytes payload);
void mock_answer(Function function, const Reply *reply);

unsigned int mock_count(Function function); /* calls received of this function */
unsigned int mock_count_all(void);          /* calls received, HELLO apart */
bool mock_saw_merged(void);                 /* a C_Sign carried its Init */
unsigned int mock_connections(void);        /* connections accepted so far */

/* Objects that C_FindObjectsInit finds. */
void mock_set_objects(CK_ULONG count);

/* Answers to C_GetSessionInfo wait until so many are in flight at once. */
void mock_expect_parallel(unsigned int calls);

#endif
