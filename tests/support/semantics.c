/* SPDX-License-Identifier: Apache-2.0 */
/* What PKCS#11 promises a program, asked of the real module with a real agent and token: started by
 * semantics.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <iothsm/iothsm.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ID_P256 = 0x01, ID_RSA = 0x02, LONG_MESSAGE = 5 * 1024 * 1024 };

static CK_FUNCTION_LIST *p11;
static CK_C_GetInterface get_interface;
static CK_C_GetInterfaceList get_interface_list;
static CK_C_GetFunctionList get_function_list;
static CK_UTF8CHAR *pin;
static CK_UTF8CHAR *so_pin;
static CK_SLOT_ID slot;

static CK_ULONG pin_len(const CK_UTF8CHAR *text)
{
	return strlen((const char *)text);
}

static CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE session = 0;

	assert_int_equal(
		p11->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session), CKR_OK);
	return session;
}

static void log_in(CK_SESSION_HANDLE session)
{
	assert_int_equal(p11->C_Login(session, CKU_USER, pin, pin_len(pin)), CKR_OK);
}

static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_BYTE id)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG count = 0;

	assert_int_equal(p11->C_FindObjectsInit(session, template, 2), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, &object, 1, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	return count == 1 ? object : 0;
}

static CK_STATE state_of(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;

	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.slotID, slot);
	return info.state;
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
			memcmp(info.label, "semantics ", 10) == 0)
			slot = slots[i];
	}
	return slot ? 0 : -1;
}

static int finalize(void **state)
{
	(void)state;
	return p11->C_Finalize(NULL) == CKR_OK ? 0 : -1;
}

static CK_RV create_mutex(void **mutex)
{
	*mutex = NULL;
	return CKR_OK;
}

static CK_RV use_mutex(void *mutex)
{
	(void)mutex;
	return CKR_OK;
}

/* C_Initialize and the interfaces: nothing is initialised at the start of these. */

static void calls_before_initialize_are_refused(void **state)
{
	CK_ULONG count = 0;
	CK_INFO info;

	(void)state;
	assert_int_equal(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(p11->C_Sign(1, NULL, 0, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void initialize_twice_is_refused_and_finalize_ends_it(void **state)
{
	CK_INFO info;

	(void)state;
	assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
	assert_int_equal(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	assert_int_equal(p11->C_Finalize(&info), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
	assert_int_equal(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void initialize_arguments_are_checked(void **state)
{
	CK_C_INITIALIZE_ARGS half = { .CreateMutex = create_mutex };
	CK_C_INITIALIZE_ARGS reserved = { .flags = CKF_OS_LOCKING_OK, .pReserved = &half };
	CK_C_INITIALIZE_ARGS whole = { create_mutex, use_mutex, use_mutex, use_mutex,
		CKF_OS_LOCKING_OK, NULL };
	CK_C_INITIALIZE_ARGS no_threads = { .flags = CKF_OS_LOCKING_OK |
						     CKF_LIBRARY_CANT_CREATE_OS_THREADS };

	(void)state;
	assert_int_equal(p11->C_Initialize(&half), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_Initialize(&whole), CKR_OK);
	assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
	assert_int_equal(p11->C_Initialize(&no_threads), CKR_OK);
	assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
}

static void interfaces_are_complete(void **state)
{
	static const struct {
		CK_BYTE major;
		CK_BYTE minor;
		size_t size;
	} versions[] = { { 2, 40, sizeof(CK_FUNCTION_LIST) },
		{ 3, 0, sizeof(CK_FUNCTION_LIST_3_0) }, { 3, 1, sizeof(CK_FUNCTION_LIST_3_0) },
		{ 3, 2, sizeof(CK_FUNCTION_LIST_3_2) } };

	(void)state;
	assert_int_equal(get_function_list(NULL), CKR_ARGUMENTS_BAD);
	for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
		CK_VERSION version = { versions[v].major, versions[v].minor };
		CK_INTERFACE *interface = NULL;

		assert_int_equal(get_interface((CK_UTF8CHAR *)(size_t) "PKCS 11", &version,
					 &interface, CKF_INTERFACE_FORK_SAFE),
			CKR_OK);
		assert_memory_equal(interface->pFunctionList, &version, sizeof(version));
		void *const *entries = (void *const *)interface->pFunctionList + 1;

		for (size_t i = 0; i < versions[v].size / sizeof(void *) - 1; i++)
			assert_non_null(entries[i]);
	}
}

static void interface_list_has_its_size_query(void **state)
{
	CK_INTERFACE list[16];
	CK_ULONG count = 0;
	CK_ULONG small = 1;

	(void)state;
	assert_int_equal(get_interface_list(NULL, &count), CKR_OK);
	assert_int_equal(count, 5);
	assert_int_equal(get_interface_list(list, &small), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(small, count);
	assert_int_equal(get_interface_list(list, &count), CKR_OK);
}

static void newest_interface_is_the_default_and_unknown_ones_are_refused(void **state)
{
	CK_INTERFACE *interface = NULL;
	CK_VERSION version = { 9, 9 };

	(void)state;
	assert_int_equal(get_interface(NULL, NULL, &interface, 0), CKR_OK);
	assert_memory_equal(interface->pFunctionList, (&(CK_VERSION){ 3, 2 }), sizeof(version));
	assert_int_equal(get_interface(NULL, NULL, &interface, CKF_INTERFACE_FORK_SAFE), CKR_OK);
	assert_int_not_equal(get_interface(NULL, NULL, &interface, 1UL << 20), CKR_OK);
	assert_int_not_equal(
		get_interface((CK_UTF8CHAR *)(size_t) "PKCS 11", &version, &interface, 0), CKR_OK);
	assert_int_not_equal(
		get_interface((CK_UTF8CHAR *)(size_t) "other", NULL, &interface, 0), CKR_OK);
	assert_int_equal(get_interface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
}

/* Slots and sessions. */

static void slot_list_has_its_size_query(void **state)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 0;
	CK_ULONG small = 0;

	(void)state;
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, NULL, &count), CKR_OK);
	assert_in_range(count, 1, 16);
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, slots, &small), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(small, count);
	assert_int_equal(p11->C_GetSlotList(CK_FALSE, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static void unknown_slot_is_invalid_everywhere(void **state)
{
	CK_SLOT_ID unknown = 0x7ffffffe;
	CK_SESSION_HANDLE session;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token_info;
	CK_ULONG count = 0;

	(void)state;
	assert_int_equal(p11->C_GetSlotInfo(unknown, &slot_info), CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_GetTokenInfo(unknown, &token_info), CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_GetMechanismList(unknown, NULL, &count), CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_OpenSession(unknown, CKF_SERIAL_SESSION, NULL, NULL, &session),
		CKR_SLOT_ID_INVALID);
	assert_int_equal(p11->C_CloseAllSessions(unknown), CKR_SLOT_ID_INVALID);
}

static void session_needs_the_serial_flag(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	assert_int_equal(p11->C_OpenSession(slot, 0, NULL, NULL, &session),
		CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

static void closed_session_is_invalid(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_SESSION_INFO info;

	(void)state;
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	assert_int_equal(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(p11->C_SignInit(session, NULL, 1), CKR_SESSION_HANDLE_INVALID);
}

static void session_states_follow_the_login(void **state)
{
	CK_SESSION_HANDLE ro = open_session(0);
	CK_SESSION_HANDLE rw = open_session(CKF_RW_SESSION);

	(void)state;
	assert_int_equal(state_of(ro), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(state_of(rw), CKS_RW_PUBLIC_SESSION);
	log_in(ro);
	assert_int_equal(state_of(ro), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(state_of(rw), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(p11->C_Logout(rw), CKR_OK);
	assert_int_equal(state_of(ro), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(p11->C_Logout(rw), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(p11->C_CloseAllSessions(slot), CKR_OK);
}

static void closing_the_last_session_logs_out(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);

	(void)state;
	log_in(session);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	session = open_session(0);
	assert_int_equal(state_of(session), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void login_rules_hold(void **state)
{
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);

	(void)state;
	assert_int_equal(p11->C_Login(session, 77, pin, pin_len(pin)), CKR_USER_TYPE_INVALID);
	log_in(session);
	assert_int_equal(
		p11->C_Login(session, CKU_USER, pin, pin_len(pin)), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(p11->C_Login(session, CKU_SO, so_pin, pin_len(so_pin)),
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	assert_int_equal(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, pin_len(pin)),
		CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void so_and_read_only_sessions_exclude_each_other(void **state)
{
	CK_SESSION_HANDLE ro = open_session(0);
	CK_SESSION_HANDLE rw = open_session(CKF_RW_SESSION);

	(void)state;
	assert_int_equal(
		p11->C_Login(rw, CKU_SO, so_pin, pin_len(so_pin)), CKR_SESSION_READ_ONLY_EXISTS);
	assert_int_equal(p11->C_CloseSession(ro), CKR_OK);
	assert_int_equal(p11->C_Login(rw, CKU_SO, so_pin, pin_len(so_pin)), CKR_OK);
	assert_int_equal(state_of(rw), CKS_RW_SO_FUNCTIONS);
	assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &ro),
		CKR_SESSION_READ_WRITE_SO_EXISTS);
	assert_int_equal(p11->C_Logout(rw), CKR_OK);
	assert_int_equal(p11->C_CloseSession(rw), CKR_OK);
}

static void read_only_session_writes_no_token_object(void **state)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 },
		{ CKA_PRIVATE, &no, 1 }, { CKA_VALUE, (void *)(size_t) "x", 1 } };
	CK_SESSION_HANDLE session = open_session(0);
	CK_OBJECT_HANDLE object;

	(void)state;
	assert_int_equal(p11->C_CreateObject(session, template, 4, &object), CKR_SESSION_READ_ONLY);
	template[1].pValue = &no;
	assert_int_equal(p11->C_CreateObject(session, template, 4, &object), CKR_OK);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void private_object_needs_a_login(void **state)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_PRIVATE, &yes, 1 },
		{ CKA_VALUE, (void *)(size_t) "x", 1 } };
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
	CK_OBJECT_HANDLE object;

	(void)state;
	assert_int_equal(
		p11->C_CreateObject(session, template, 3, &object), CKR_USER_NOT_LOGGED_IN);
	log_in(session);
	assert_int_equal(p11->C_CreateObject(session, template, 3, &object), CKR_OK);
	assert_int_equal(p11->C_DestroyObject(session, object), CKR_OK);
	assert_int_equal(p11->C_DestroyObject(session, object), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void session_object_dies_with_its_session(void **state)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_PRIVATE, &no, 1 },
		{ CKA_VALUE, (void *)(size_t) "session object", 14 } };
	CK_SESSION_HANDLE keeper = open_session(0);
	CK_SESSION_HANDLE owner = open_session(0);
	CK_OBJECT_HANDLE object;
	CK_ULONG size;
	CK_ULONG count = 1;

	(void)state;
	assert_int_equal(p11->C_CreateObject(owner, template, 3, &object), CKR_OK);
	assert_int_equal(p11->C_GetObjectSize(keeper, object, &size), CKR_OK);
	assert_int_equal(p11->C_CloseSession(owner), CKR_OK);
	assert_int_equal(p11->C_GetObjectSize(keeper, object, &size), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(p11->C_FindObjectsInit(keeper, &template[2], 1), CKR_OK);
	assert_int_equal(p11->C_FindObjects(keeper, &object, 1, &count), CKR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(p11->C_CloseSession(keeper), CKR_OK);
}

/* Operations. */

static void signature_has_length_query_small_buffer_and_end(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[256];
	CK_BYTE data[] = "data";

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	/* Twice: the second time the module may send both calls as one. */
	for (int i = 0; i < 3; i++) {
		CK_ULONG len = 0;

		assert_int_equal(p11->C_Sign(session, data, 4, signature, &len),
			CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
		assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OPERATION_ACTIVE);
		assert_int_equal(p11->C_Sign(session, data, 4, NULL, &len), CKR_OK);
		assert_int_equal(len, 64);
		len = 63;
		assert_int_equal(
			p11->C_Sign(session, data, 4, signature, &len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, 64);
		len = sizeof(signature);
		assert_int_equal(p11->C_Sign(session, data, 4, signature, &len), CKR_OK);
		assert_int_equal(len, 64);
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void pending_init_is_dropped_or_carried_out_by_other_calls(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[256];
	CK_BYTE data[] = "data";
	CK_ULONG len = sizeof(signature);

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p11->C_Sign(session, data, 4, signature, &len), CKR_OK);
	assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
	(void)find_key(session, CKO_PUBLIC_KEY, ID_P256);
	assert_int_equal(p11->C_SignUpdate(session, data, 2), CKR_OK);
	assert_int_equal(p11->C_SignUpdate(session, data + 2, 2), CKR_OK);
	len = sizeof(signature);
	assert_int_equal(p11->C_SignFinal(session, signature, &len), CKR_OK);
	CK_OBJECT_HANDLE public_key = find_key(session, CKO_PUBLIC_KEY, ID_P256);

	assert_int_equal(p11->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
	assert_int_equal(p11->C_Verify(session, data, 4, signature, len), CKR_OK);
	signature[5] ^= 1;
	assert_int_equal(p11->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
	assert_int_equal(p11->C_Verify(session, data, 4, signature, len), CKR_SIGNATURE_INVALID);
	assert_int_equal(
		p11->C_Verify(session, data, 4, signature, len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void logout_ends_the_use_of_private_keys(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[256];
	CK_BYTE data[] = "data";

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	for (int i = 0; i < 2; i++) {
		CK_ULONG len = sizeof(signature);

		assert_int_equal(p11->C_SignInit(session, &mechanism, key), CKR_OK);
		assert_int_equal(p11->C_Sign(session, data, 4, signature, &len), CKR_OK);
	}
	assert_int_equal(p11->C_Logout(session), CKR_OK);
	CK_ULONG len = sizeof(signature);
	CK_RV rv = p11->C_SignInit(session, &mechanism, key);

	assert_int_not_equal(rv, CKR_OK);
	assert_int_equal(
		p11->C_Sign(session, data, 4, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(find_key(session, CKO_PRIVATE_KEY, ID_P256), 0);
	log_in(session);
	assert_int_equal(find_key(session, CKO_PRIVATE_KEY, ID_P256), key);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void init_checks_key_and_mechanism(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_MECHANISM unknown = { 0x80001234, NULL, 0 };

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);

	assert_int_equal(p11->C_SignInit(session, &ecdsa, 0x1234567), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(p11->C_SignInit(session, &unknown, key), CKR_MECHANISM_INVALID);
	assert_int_equal(p11->C_SignUpdate(session, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_SignFinal(session, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void find_has_its_states(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_OBJECT_HANDLE objects[8];
	CK_ULONG count = 0;

	(void)state;
	assert_int_equal(
		p11->C_FindObjects(session, objects, 8, &count), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_int_equal(p11->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	assert_int_equal(p11->C_FindObjects(session, objects, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(p11->C_FindObjects(session, objects, 8, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, objects, 8, &count), CKR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void many_objects_are_all_found_once(void **state)
{
	enum { MANY = 150 };
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_PRIVATE, &no, 1 },
		{ CKA_LABEL, (void *)(size_t) "many", 4 } };
	CK_SESSION_HANDLE session = open_session(0);
	CK_OBJECT_HANDLE found[2 * MANY];
	CK_ULONG total = 0;
	CK_ULONG count = 1;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		CK_OBJECT_HANDLE object;

		assert_int_equal(p11->C_CreateObject(session, template, 3, &object), CKR_OK);
	}
	assert_int_equal(p11->C_FindObjectsInit(session, &template[2], 1), CKR_OK);
	while (count > 0) {
		assert_int_equal(p11->C_FindObjects(session, found + total, 7, &count), CKR_OK);
		total += count;
	}
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(total, MANY);
	for (CK_ULONG i = 0; i < total; i++) {
		for (CK_ULONG j = 0; j < i; j++)
			assert_int_not_equal(found[i], found[j]);
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void attribute_query_fills_what_it_can(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_BYTE id[4];
	CK_BYTE small[1];
	CK_BYTE value[64];
	CK_BYTE vendor[8];
	CK_KEY_TYPE type = 0;
	CK_ATTRIBUTE query[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_VALUE, value, sizeof(value) }, { 0x80005555, vendor, sizeof(vendor) },
		{ CKA_EC_PARAMS, small, 1 }, { CKA_ID, id, sizeof(id) }, { CKA_LABEL, NULL, 0 } };

	(void)state;
	log_in(session);
	CK_OBJECT_HANDLE key = find_key(session, CKO_PRIVATE_KEY, ID_P256);
	CK_RV rv = p11->C_GetAttributeValue(session, key, query, 6);

	assert_true(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
		    rv == CKR_BUFFER_TOO_SMALL);
	assert_int_equal(query[0].ulValueLen, sizeof(type));
	assert_int_equal(type, CKK_EC);
	assert_int_equal(query[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(query[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(query[3].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(query[4].ulValueLen, 1);
	assert_int_equal(id[0], ID_P256);
	assert_int_equal(query[5].ulValueLen, strlen("p256"));
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void aes_modes_with_parameters_round_trip(void **state)
{
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
	CK_ULONG key_len = 32;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &key_len, sizeof(key_len) },
		{ CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 } };
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BYTE iv[16] = "0123456789abcdef";
	CK_BYTE aad[5] = "extra";
	CK_GCM_PARAMS gcm = { iv, 12, 96, aad, sizeof(aad), 128 };
	CK_AES_CTR_PARAMS counter = { 128, { 0 } };
	CK_MECHANISM modes[] = { { CKM_AES_CBC_PAD, iv, 16 }, { CKM_AES_GCM, &gcm, sizeof(gcm) },
		{ CKM_AES_CTR, &counter, sizeof(counter) }, { CKM_AES_ECB, NULL, 0 } };
	CK_BYTE plain[32] = "thirty-two bytes of plain text.";
	CK_OBJECT_HANDLE key;

	(void)state;
	log_in(session);
	assert_int_equal(p11->C_GenerateKey(session, &generate, template, 3, &key), CKR_OK);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		CK_BYTE encrypted[128];
		CK_BYTE decrypted[128];
		CK_ULONG len = sizeof(encrypted);
		CK_ULONG back = sizeof(decrypted);

		assert_int_equal(p11->C_EncryptInit(session, &modes[i], key), CKR_OK);
		assert_int_equal(
			p11->C_Encrypt(session, plain, sizeof(plain), encrypted, &len), CKR_OK);
		assert_memory_not_equal(encrypted, plain, sizeof(plain));
		assert_int_equal(p11->C_DecryptInit(session, &modes[i], key), CKR_OK);
		assert_int_equal(p11->C_Decrypt(session, encrypted, len, decrypted, &back), CKR_OK);
		assert_int_equal(back, sizeof(plain));
		assert_memory_equal(decrypted, plain, sizeof(plain));
	}
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void long_digest_in_one_call_equals_many(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	CK_BYTE *data = calloc(1, LONG_MESSAGE);
	CK_BYTE one[32];
	CK_BYTE many[32];
	CK_ULONG len = sizeof(one);

	(void)state;
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(p11->C_Digest(session, data, LONG_MESSAGE, one, &len), CKR_OK);
	assert_int_equal(p11->C_DigestInit(session, &sha256), CKR_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(p11->C_DigestUpdate(
					 session, data + i * (LONG_MESSAGE / 5), LONG_MESSAGE / 5),
			CKR_OK);
	assert_int_equal(p11->C_DigestFinal(session, many, &len), CKR_OK);
	assert_memory_equal(one, many, sizeof(one));
	free(data);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void random_bytes_differ(void **state)
{
	CK_SESSION_HANDLE session = open_session(0);
	CK_BYTE a[64] = { 0 };
	CK_BYTE b[64] = { 0 };

	(void)state;
	assert_int_equal(p11->C_GenerateRandom(session, a, sizeof(a)), CKR_OK);
	assert_int_equal(p11->C_GenerateRandom(session, b, sizeof(b)), CKR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void key_is_wrapped_and_unwrapped(void **state)
{
	CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG key_len = 16;
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &key_len, sizeof(key_len) },
		{ CKA_EXTRACTABLE, &yes, 1 }, { CKA_WRAP, &yes, 1 }, { CKA_UNWRAP, &yes, 1 },
		{ CKA_SENSITIVE, &no, 1 } };
	CK_ATTRIBUTE unwrapped[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_SENSITIVE, &no, 1 } };
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_HANDLE keys[3];
	CK_BYTE wrapped[64];
	CK_BYTE values[2][16];
	CK_ULONG len = 0;

	(void)state;
	log_in(session);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			p11->C_GenerateKey(session, &generate, template, 5, &keys[i]), CKR_OK);
	assert_int_equal(p11->C_WrapKey(session, &wrap, keys[0], keys[1], NULL, &len), CKR_OK);
	assert_int_equal(len, 24);
	assert_int_equal(p11->C_WrapKey(session, &wrap, keys[0], keys[1], wrapped, &len), CKR_OK);
	assert_int_equal(
		p11->C_UnwrapKey(session, &wrap, keys[0], wrapped, len, unwrapped, 4, &keys[2]),
		CKR_OK);
	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE value = { CKA_VALUE, values[i], 16 };

		assert_int_equal(p11->C_GetAttributeValue(session, keys[1 + i], &value, 1), CKR_OK);
	}
	assert_memory_equal(values[0], values[1], 16);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

/* Threads and fork. */

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

int main(int argc, char **argv)
{
#define IN_SESSION(name) cmocka_unit_test_setup_teardown(name, initialize, finalize)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_before_initialize_are_refused),
		cmocka_unit_test(initialize_twice_is_refused_and_finalize_ends_it),
		cmocka_unit_test(initialize_arguments_are_checked),
		cmocka_unit_test(interfaces_are_complete),
		cmocka_unit_test(interface_list_has_its_size_query),
		cmocka_unit_test(newest_interface_is_the_default_and_unknown_ones_are_refused),
		IN_SESSION(slot_list_has_its_size_query),
		IN_SESSION(unknown_slot_is_invalid_everywhere),
		IN_SESSION(session_needs_the_serial_flag),
		IN_SESSION(closed_session_is_invalid),
		IN_SESSION(session_states_follow_the_login),
		IN_SESSION(closing_the_last_session_logs_out),
		IN_SESSION(login_rules_hold),
		IN_SESSION(so_and_read_only_sessions_exclude_each_other),
		IN_SESSION(read_only_session_writes_no_token_object),
		IN_SESSION(private_object_needs_a_login),
		IN_SESSION(session_object_dies_with_its_session),
		IN_SESSION(signature_has_length_query_small_buffer_and_end),
		IN_SESSION(pending_init_is_dropped_or_carried_out_by_other_calls),
		IN_SESSION(logout_ends_the_use_of_private_keys),
		IN_SESSION(init_checks_key_and_mechanism),
		IN_SESSION(find_has_its_states),
		IN_SESSION(many_objects_are_all_found_once),
		IN_SESSION(attribute_query_fills_what_it_can),
		IN_SESSION(aes_modes_with_parameters_round_trip),
		IN_SESSION(long_digest_in_one_call_equals_many),
		IN_SESSION(random_bytes_differ),
		IN_SESSION(key_is_wrapped_and_unwrapped),
		IN_SESSION(eight_threads_sign_in_parallel),
		IN_SESSION(child_after_fork_is_a_program_of_its_own),
		IN_SESSION(child_that_finalizes_at_once_harms_nobody),
	};
	void *library = argc == 4 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;

	if (!library)
		return 2;
	pin = (CK_UTF8CHAR *)argv[2];
	so_pin = (CK_UTF8CHAR *)argv[3];
	*(void **)&get_function_list = dlsym(library, "C_GetFunctionList");
	*(void **)&get_interface = dlsym(library, "C_GetInterface");
	*(void **)&get_interface_list = dlsym(library, "C_GetInterfaceList");
	if (get_function_list(&p11) != CKR_OK)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
