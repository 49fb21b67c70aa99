/* SPDX-License-Identifier: Apache-2.0 */
/* What PKCS#11 promises a program, asked of the real module with a real agent and token: started by
 * semantics.sh. */
#include "semantics.h"

#include <dlfcn.h>
#include <string.h>

CK_FUNCTION_LIST_3_2 *p11;
CK_C_GetInterface get_interface;
CK_C_GetInterfaceList get_interface_list;
CK_C_GetFunctionList get_function_list;
CK_UTF8CHAR *pin;
CK_UTF8CHAR *so_pin;
CK_SLOT_ID slot;

CK_ULONG pin_len(const CK_UTF8CHAR *text)
{
	return strlen((const char *)text);
}

CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE session = 0;

	assert_int_equal(
		p11->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session), CKR_OK);
	return session;
}

void log_in(CK_SESSION_HANDLE session)
{
	assert_int_equal(p11->C_Login(session, CKU_USER, pin, pin_len(pin)), CKR_OK);
}

CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, CK_BYTE id)
{
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG count = 0;

	assert_int_equal(p11->C_FindObjectsInit(session, template, 2), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, &object, 1, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	return count == 1 ? object : 0;
}

CK_STATE state_of(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info;

	assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.slotID, slot);
	return info.state;
}

int initialize(void **state)
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

int finalize(void **state)
{
	(void)state;
	return p11->C_Finalize(NULL) == CKR_OK ? 0 : -1;
}

static int load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_VERSION version = { 3, 2 };
	CK_INTERFACE *interface = NULL;

	if (!library)
		return 2;
	*(void **)&get_function_list = dlsym(library, "C_GetFunctionList");
	*(void **)&get_interface = dlsym(library, "C_GetInterface");
	*(void **)&get_interface_list = dlsym(library, "C_GetInterfaceList");
	if (get_interface(NULL, &version, &interface, 0) != CKR_OK)
		return 2;
	p11 = interface->pFunctionList;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 4 || load(argv[1]) != 0)
		return 2;
	pin = (CK_UTF8CHAR *)argv[2];
	so_pin = (CK_UTF8CHAR *)argv[3];
	return semantics_interface() + semantics_session() + semantics_operation() +
	       semantics_object() + semantics_cipher() + semantics_oaep() + semantics_process();
}
