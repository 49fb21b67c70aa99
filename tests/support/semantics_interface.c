/* SPDX-License-Identifier: Apache-2.0 */
/* C_Initialize and the interfaces: nothing is initialised at the start of these tests. */
#include "semantics.h"

#include <string.h>

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

int semantics_interface(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_before_initialize_are_refused),
		cmocka_unit_test(initialize_twice_is_refused_and_finalize_ends_it),
		cmocka_unit_test(initialize_arguments_are_checked),
		cmocka_unit_test(interfaces_are_complete),
		cmocka_unit_test(interface_list_has_its_size_query),
		cmocka_unit_test(newest_interface_is_the_default_and_unknown_ones_are_refused),
	};

	return cmocka_run_group_tests_name("interface", tests, NULL, NULL);
}
