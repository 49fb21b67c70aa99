/* SPDX-License-Identifier: Apache-2.0 */
/* A small PKCS#11 library in memory, as strict as SoftHSM2 about handles: what the host is tested
 * against. */
#ifndef IOTHSM_MOCK_LIBRARY_H
#define IOTHSM_MOCK_LIBRARY_H

#include <iothsm/pkcs11-3.2.h>
#include <stdbool.h>

enum {
	MOCK_OBJECTS_MAX = 64,
	MOCK_SESSIONS_MAX = 2048,
	MOCK_VALUE_MAX = 64,
	MOCK_SIGNATURE_LEN = 64
};

struct mock_object {
	bool present;
	CK_OBJECT_HANDLE handle; /* 0: has to be found again, as after a logout */
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE key_type;
	bool private, on_token;
	CK_SESSION_HANDLE session; /* of a session object */
	char label[MOCK_VALUE_MAX], id[MOCK_VALUE_MAX], point[MOCK_VALUE_MAX];
};

struct mock_library {
	bool login_done;
	CK_USER_TYPE user;
	char user_pin[32], so_pin[32];
	CK_FLAGS token_flags; /* beside those that are always set */
	struct mock_object objects[MOCK_OBJECTS_MAX];
	CK_RV sign_result; /* of C_Sign with room enough */
	/* What was called, to be asked by tests. */
	unsigned logins, logouts, opened, closed, sign_inits, signs, tokens_made;
	CK_MECHANISM_TYPE last_mechanism;
	CK_ULONG last_room;
	CK_BYTE last_input[128];
	CK_ULONG last_input_len;
};

extern struct mock_library mock;

CK_FUNCTION_LIST *mock_library_functions(void);

/* One token "MOCK" with serial 0123456789ABCDEF, user PIN 1234, SO PIN 87654321, no object. */
void mock_library_reset(void);

/* A token object that is there already; its handle is found by C_FindObjects only. */
struct mock_object *mock_library_add(
	CK_OBJECT_CLASS class, const char *label, const char *id, const char *point, bool private);

#endif
