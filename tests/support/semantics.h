/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the module's semantics share: the module, its token, sessions and keys. */
#ifndef IOTHSM_SEMANTICS_H
#define IOTHSM_SEMANTICS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iothsm/iothsm.h>

enum { ID_P256 = 0x01, ID_RSA = 0x02 };

extern CK_FUNCTION_LIST_3_2 *p11;
extern CK_C_GetInterface get_interface;
extern CK_C_GetInterfaceList get_interface_list;
extern CK_C_GetFunctionList get_function_list;
extern CK_UTF8CHAR *pin;
extern CK_UTF8CHAR *so_pin;
extern CK_SLOT_ID slot;

CK_ULONG pin_len(const CK_UTF8CHAR *text);

/* Setup and teardown of a test, which begins with an initialised module. */
int initialize(void **state);
int finalize(void **state);
#define IN_SESSION(name) cmocka_unit_test_setup_teardown(name, initialize, finalize)

CK_SESSION_HANDLE open_session(CK_FLAGS flags);
void log_in(CK_SESSION_HANDLE session);

/* CK_INVALID_HANDLE when there is not exactly one. */
CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_BYTE id);
CK_STATE state_of(CK_SESSION_HANDLE session);

/* One group of tests each: the number of failures. */
int semantics_interface(void);
int semantics_session(void);
int semantics_operation(void);
int semantics_oaep(void);
int semantics_object(void);
int semantics_cipher(void);
int semantics_process(void);

#endif
