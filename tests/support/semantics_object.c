/* SPDX-License-Identifier: Apache-2.0 */
/* Finding objects and reading their attributes. */
#include "semantics.h"

#include <string.h>

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

int semantics_object(void)
{
	static const struct CMUnitTest tests[] = {
		IN_SESSION(find_has_its_states),
		IN_SESSION(many_objects_are_all_found_once),
		IN_SESSION(attribute_query_fills_what_it_can),
	};

	return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
