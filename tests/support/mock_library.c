/* SPDX-License-Identifier: Apache-2.0 */
/* A small PKCS#11 library in memory, as strict as SoftHSM2 about handles: what the host is tested
 * against. */
#include "mock_library.h"

#include <stdio.h>
#include <string.h>

struct mock_library mock;

struct mock_session {
	bool open, finding, signing, verifying;
	CK_ULONG next; /* object of the running search */
	CK_ATTRIBUTE wanted[4];
	CK_BYTE values[4][MOCK_VALUE_MAX];
	CK_ULONG wanted_count;
};

static struct mock_session sessions[MOCK_SESSIONS_MAX];
static CK_OBJECT_HANDLE next_handle;
static unsigned open_sessions;

void mock_library_reset(void)
{
	memset(&mock, 0, sizeof(mock));
	memset(sessions, 0, sizeof(sessions));
	open_sessions = 0;
	next_handle = 1;
	(void)strcpy(mock.user_pin, "1234");
	(void)strcpy(mock.so_pin, "87654321");
}

struct mock_object *mock_library_add(
	CK_OBJECT_CLASS class, const char *label, const char *id, const char *point, bool private)
{
	for (size_t i = 0; i < MOCK_OBJECTS_MAX; i++) {
		struct mock_object *object = &mock.objects[i];

		if (object->present)
			continue;
		*object = (struct mock_object){ .present = true,
			.class = class,
			.key_type = CKK_EC,
			.private = private,
			.on_token = true };
		(void)snprintf(object->label, sizeof(object->label), "%s", label);
		(void)snprintf(object->id, sizeof(object->id), "%s", id);
		(void)snprintf(object->point, sizeof(object->point), "%s", point);
		return object;
	}
	return NULL;
}

static struct mock_session *session_of(CK_SESSION_HANDLE handle)
{
	return handle > 0 && handle < MOCK_SESSIONS_MAX && sessions[handle].open ? &sessions[handle]
										 : NULL;
}

static bool user_is_in(void)
{
	return mock.login_done && mock.user == CKU_USER;
}

static struct mock_object *object_of(CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; handle != 0 && i < MOCK_OBJECTS_MAX; i++)
		if (mock.objects[i].present && mock.objects[i].handle == handle)
			return &mock.objects[i];
	return NULL;
}

static void drop_handles(bool all)
{
	for (size_t i = 0; i < MOCK_OBJECTS_MAX; i++)
		if (all || mock.objects[i].private)
			mock.objects[i].handle = 0;
}

static CK_RV mock_initialize(void *arguments)
{
	(void)arguments;
	return CKR_OK;
}

static CK_RV mock_get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	(void)present;
	if (list)
		list[0] = 7;
	*count = 1;
	return CKR_OK;
}

static CK_RV mock_get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	(void)slot;
	memset(info, ' ', sizeof(*info));
	info->flags = CKF_TOKEN_PRESENT;
	return CKR_OK;
}

static CK_RV mock_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	(void)slot;
	memset(info, ' ', sizeof(*info));
	memcpy(info->serialNumber, "0123456789ABCDEF", 16);
	memcpy(info->label, "MOCK", 4);
	info->flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | mock.token_flags;
	info->ulSessionCount = CK_UNAVAILABLE_INFORMATION;
	info->ulRwSessionCount = CK_UNAVAILABLE_INFORMATION;
	return CKR_OK;
}

static CK_RV mock_get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	(void)slot;
	if (list && *count < 2)
		return CKR_BUFFER_TOO_SMALL;
	if (list)
		memcpy(list, (CK_MECHANISM_TYPE[]){ CKM_ECDSA, CKM_SHA256 }, 2 * sizeof(*list));
	*count = 2;
	return CKR_OK;
}

static CK_RV mock_get_mechanism_info(
	CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	(void)slot;
	if (type != CKM_ECDSA && type != CKM_SHA256)
		return CKR_MECHANISM_INVALID;
	*info = (CK_MECHANISM_INFO){ 112, 521, CKF_SIGN | CKF_VERIFY | CKF_GENERATE };
	return CKR_OK;
}

static CK_RV mock_init_token(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG len, CK_UTF8CHAR *label)
{
	(void)slot;
	(void)label;
	if (open_sessions > 0)
		return CKR_SESSION_EXISTS;
	if (len != strlen(mock.so_pin) || memcmp(pin, mock.so_pin, len) != 0)
		return CKR_PIN_INCORRECT;
	memset(mock.objects, 0, sizeof(mock.objects));
	mock.tokens_made++;
	return CKR_OK;
}

static CK_RV mock_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
	CK_SESSION_HANDLE *handle)
{
	(void)slot;
	(void)flags;
	(void)application;
	(void)notify;
	for (CK_SESSION_HANDLE i = 1; i < MOCK_SESSIONS_MAX; i++) {
		if (sessions[i].open)
			continue;
		sessions[i] = (struct mock_session){ .open = true };
		mock.opened++;
		open_sessions++;
		*handle = i;
		return CKR_OK;
	}
	return CKR_SESSION_COUNT;
}

static CK_RV mock_close_session(CK_SESSION_HANDLE handle)
{
	struct mock_session *session = session_of(handle);

	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	session->open = false;
	mock.closed++;
	for (size_t i = 0; i < MOCK_OBJECTS_MAX; i++)
		if (mock.objects[i].present && mock.objects[i].session == handle)
			mock.objects[i].present = false;
	if (--open_sessions == 0) {
		mock.login_done = false;
		drop_handles(true);
	}
	return CKR_OK;
}

static CK_RV mock_get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	*info = (CK_SESSION_INFO){ .slotID = 7, .flags = CKF_SERIAL_SESSION | CKF_RW_SESSION };
	info->state = user_is_in() ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
	if (mock.login_done && mock.user == CKU_SO)
		info->state = CKS_RW_SO_FUNCTIONS;
	return CKR_OK;
}

static CK_RV mock_login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	const char *right = user == CKU_SO ? mock.so_pin : mock.user_pin;

	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (mock.login_done && user != CKU_CONTEXT_SPECIFIC)
		return CKR_USER_ALREADY_LOGGED_IN;
	mock.logins++;
	if (len != strlen(right) || memcmp(pin, right, len) != 0)
		return CKR_PIN_INCORRECT;
	if (user == CKU_CONTEXT_SPECIFIC)
		return CKR_OK;
	mock.login_done = true;
	mock.user = user;
	return CKR_OK;
}

static CK_RV mock_logout(CK_SESSION_HANDLE handle)
{
	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!mock.login_done)
		return CKR_USER_NOT_LOGGED_IN;
	mock.login_done = false;
	mock.logouts++;
	drop_handles(false);
	return CKR_OK;
}

static void set_pin(char *pin, const CK_UTF8CHAR *value, CK_ULONG len)
{
	(void)snprintf(pin, sizeof(mock.user_pin), "%.*s", (int)len, (const char *)value);
}

static CK_RV mock_init_pin(CK_SESSION_HANDLE handle, CK_UTF8CHAR *pin, CK_ULONG len)
{
	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!mock.login_done || mock.user != CKU_SO)
		return CKR_USER_NOT_LOGGED_IN;
	set_pin(mock.user_pin, pin, len);
	return CKR_OK;
}

static CK_RV mock_set_pin(CK_SESSION_HANDLE handle, CK_UTF8CHAR *old_pin, CK_ULONG old_len,
	CK_UTF8CHAR *new_pin, CK_ULONG new_len)
{
	char *pin = mock.login_done && mock.user == CKU_SO ? mock.so_pin : mock.user_pin;

	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (old_len != strlen(pin) || memcmp(old_pin, pin, old_len) != 0)
		return CKR_PIN_INCORRECT;
	set_pin(pin, new_pin, new_len);
	return CKR_OK;
}

/* The value of an attribute inside the object; NULL when it has none. */
static const void *value_of(const struct mock_object *object, CK_ATTRIBUTE_TYPE type, CK_ULONG *len)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

	*len = sizeof(CK_BBOOL);
	switch (type) {
	case CKA_PRIVATE: return object->private ? &yes : &no;
	case CKA_TOKEN: return object->on_token ? &yes : &no;
	case CKA_CLASS: *len = sizeof(object->class); return &object->class;
	case CKA_KEY_TYPE: *len = sizeof(object->key_type); return &object->key_type;
	case CKA_LABEL: *len = strlen(object->label); return object->label;
	case CKA_ID: *len = strlen(object->id); return object->id;
	case CKA_EC_POINT: *len = strlen(object->point); break;
	default: return NULL;
	}
	return object->class == CKO_PUBLIC_KEY ? object->point : NULL;
}

static CK_RV read_attribute(const struct mock_object *object, CK_ATTRIBUTE *attribute)
{
	CK_ULONG len = 0;
	const void *value = value_of(object, attribute->type, &len);
	CK_ULONG room = attribute->ulValueLen;

	attribute->ulValueLen = value ? len : CK_UNAVAILABLE_INFORMATION;
	if (!value)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (!attribute->pValue)
		return CKR_OK;
	if (room < len) {
		attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	memcpy(attribute->pValue, value, len);
	return CKR_OK;
}

static CK_RV mock_get_attribute_value(
	CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	const struct mock_object *found = object_of(object);
	CK_RV rv = CKR_OK;

	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!found)
		return CKR_OBJECT_HANDLE_INVALID;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_RV one = read_attribute(found, &attributes[i]);

		rv = one != CKR_OK ? one : rv;
	}
	return rv;
}

static void copy_text(char *text, const CK_ATTRIBUTE *attribute)
{
	int len = attribute->ulValueLen < MOCK_VALUE_MAX ? (int)attribute->ulValueLen
							 : MOCK_VALUE_MAX - 1;

	(void)snprintf(text, MOCK_VALUE_MAX, "%.*s", len, (const char *)attribute->pValue);
}

static void write_attribute(struct mock_object *object, const CK_ATTRIBUTE *attribute)
{
	if (!attribute->pValue)
		return;
	switch (attribute->type) {
	case CKA_PRIVATE: object->private = *(CK_BBOOL *)attribute->pValue; break;
	case CKA_TOKEN: object->on_token = *(CK_BBOOL *)attribute->pValue; break;
	case CKA_LABEL: copy_text(object->label, attribute); break;
	case CKA_ID: copy_text(object->id, attribute); break;
	case CKA_EC_POINT: copy_text(object->point, attribute); break;
	case CKA_CLASS:
		if (attribute->ulValueLen == sizeof(object->class))
			memcpy(&object->class, attribute->pValue, sizeof(object->class));
		break;
	default: break;
	}
}

static bool flags_are_sound(const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++)
		if ((attributes[i].type == CKA_PRIVATE || attributes[i].type == CKA_TOKEN) &&
			attributes[i].ulValueLen != sizeof(CK_BBOOL))
			return false;
	return true;
}

/* Private unless the template says otherwise, whatever the class: a default that differs from ours.
 */
static CK_RV mock_create_object(
	CK_SESSION_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!flags_are_sound(attributes, count))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	struct mock_object *object = mock_library_add(CKO_DATA, "", "", "", true);

	if (!object)
		return CKR_DEVICE_MEMORY;
	object->on_token = false;
	for (CK_ULONG i = 0; i < count; i++)
		write_attribute(object, &attributes[i]);
	object->session = object->on_token ? 0 : handle;
	if (object->private && !user_is_in()) {
		object->present = false;
		return CKR_USER_NOT_LOGGED_IN;
	}
	*out = object->handle = next_handle++;
	return CKR_OK;
}

static CK_RV mock_destroy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	struct mock_object *found = object_of(object);

	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!found)
		return CKR_OBJECT_HANDLE_INVALID;
	found->present = false;
	return CKR_OK;
}

static CK_RV mock_set_attribute_value(
	CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	struct mock_object *found = object_of(object);

	if (!session_of(handle) || !found)
		return CKR_OBJECT_HANDLE_INVALID;
	for (CK_ULONG i = 0; i < count; i++)
		write_attribute(found, &attributes[i]);
	return CKR_OK;
}

static CK_RV mock_find_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	struct mock_session *session = session_of(handle);

	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	if (session->finding || session->signing || session->verifying)
		return CKR_OPERATION_ACTIVE;
	session->finding = true;
	session->next = 0;
	session->wanted_count = count < 4 ? count : 4;
	for (CK_ULONG i = 0; i < session->wanted_count; i++) {
		session->wanted[i] = attributes[i];
		if (attributes[i].ulValueLen > MOCK_VALUE_MAX)
			session->wanted[i].ulValueLen = MOCK_VALUE_MAX;
		if (attributes[i].pValue)
			memcpy(session->values[i], attributes[i].pValue,
				session->wanted[i].ulValueLen);
	}
	return CKR_OK;
}

static bool matches(const struct mock_session *session, const struct mock_object *object)
{
	if (!object->present || (object->private && !user_is_in()))
		return false;
	for (CK_ULONG i = 0; i < session->wanted_count; i++) {
		CK_ULONG len = 0;
		const void *value = value_of(object, session->wanted[i].type, &len);

		if (!value || len != session->wanted[i].ulValueLen ||
			memcmp(value, session->values[i], len) != 0)
			return false;
	}
	return true;
}

static CK_RV mock_find(
	CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count)
{
	struct mock_session *session = session_of(handle);

	if (!session || !session->finding)
		return CKR_OPERATION_NOT_INITIALIZED;
	for (*count = 0; *count < max && session->next < MOCK_OBJECTS_MAX; session->next++) {
		struct mock_object *object = &mock.objects[session->next];

		if (!matches(session, object))
			continue;
		if (object->handle == 0)
			object->handle = next_handle++;
		list[(*count)++] = object->handle;
	}
	return CKR_OK;
}

static CK_RV mock_find_final(CK_SESSION_HANDLE handle)
{
	struct mock_session *session = session_of(handle);

	if (!session || !session->finding)
		return CKR_OPERATION_NOT_INITIALIZED;
	session->finding = false;
	return CKR_OK;
}

static CK_RV begin(bool *active, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	if (*active)
		return CKR_OPERATION_ACTIVE;
	if (!mechanism || mechanism->mechanism != CKM_ECDSA)
		return CKR_MECHANISM_INVALID;
	if (!object_of(key))
		return CKR_KEY_HANDLE_INVALID;
	mock.last_mechanism = mechanism->mechanism;
	*active = true;
	return CKR_OK;
}

static CK_RV mock_sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct mock_session *session = session_of(handle);

	mock.sign_inits++;
	return session ? begin(&session->signing, mechanism, key) : CKR_SESSION_HANDLE_INVALID;
}

static void note_input(const CK_BYTE *data, CK_ULONG len)
{
	mock.last_input_len = len < sizeof(mock.last_input) ? len : sizeof(mock.last_input);
	if (data)
		memcpy(mock.last_input, data, mock.last_input_len);
}

/* The signature is the input, padded with zeros: what was signed can be seen. */
static CK_RV mock_sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature,
	CK_ULONG *signature_len)
{
	struct mock_session *session = session_of(handle);
	CK_ULONG room = *signature_len;

	if (!session || !session->signing)
		return CKR_OPERATION_NOT_INITIALIZED;
	mock.last_room = room;
	*signature_len = MOCK_SIGNATURE_LEN;
	if (!signature)
		return CKR_OK;
	if (room < MOCK_SIGNATURE_LEN)
		return CKR_BUFFER_TOO_SMALL;
	mock.signs++;
	session->signing = false;
	if (mock.sign_result != CKR_OK)
		return mock.sign_result;
	note_input(data, len);
	memset(signature, 0, MOCK_SIGNATURE_LEN);
	if (data)
		memcpy(signature, data, len < MOCK_SIGNATURE_LEN ? len : MOCK_SIGNATURE_LEN);
	return CKR_OK;
}

static CK_RV mock_verify_init(
	CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct mock_session *session = session_of(handle);

	return session ? begin(&session->verifying, mechanism, key) : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV mock_verify(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature,
	CK_ULONG signature_len)
{
	struct mock_session *session = session_of(handle);

	if (!session || !session->verifying)
		return CKR_OPERATION_NOT_INITIALIZED;
	session->verifying = false;
	if (!data || !signature || signature_len != MOCK_SIGNATURE_LEN || len > MOCK_SIGNATURE_LEN)
		return CKR_SIGNATURE_LEN_RANGE;
	return memcmp(data, signature, len) == 0 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

static CK_RV mock_random(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG len)
{
	if (!session_of(handle))
		return CKR_SESSION_HANDLE_INVALID;
	memset(out, 0x5a, len);
	return CKR_OK;
}

#include "mock_unsupported.h"

CK_FUNCTION_LIST *mock_library_functions(void)
{
	static CK_FUNCTION_LIST list = { .version = { 2, 40 },
		MOCK_UNSUPPORTED,
		.C_Initialize = mock_initialize,
		.C_Finalize = mock_initialize,
		.C_GetSlotList = mock_get_slot_list,
		.C_GetSlotInfo = mock_get_slot_info,
		.C_GetTokenInfo = mock_get_token_info,
		.C_GetMechanismList = mock_get_mechanism_list,
		.C_GetMechanismInfo = mock_get_mechanism_info,
		.C_InitToken = mock_init_token,
		.C_OpenSession = mock_open_session,
		.C_CloseSession = mock_close_session,
		.C_GetSessionInfo = mock_get_session_info,
		.C_Login = mock_login,
		.C_Logout = mock_logout,
		.C_InitPIN = mock_init_pin,
		.C_SetPIN = mock_set_pin,
		.C_GetAttributeValue = mock_get_attribute_value,
		.C_SetAttributeValue = mock_set_attribute_value,
		.C_CreateObject = mock_create_object,
		.C_DestroyObject = mock_destroy_object,
		.C_FindObjectsInit = mock_find_init,
		.C_FindObjects = mock_find,
		.C_FindObjectsFinal = mock_find_final,
		.C_SignInit = mock_sign_init,
		.C_Sign = mock_sign,
		.C_VerifyInit = mock_verify_init,
		.C_Verify = mock_verify,
		.C_GenerateRandom = mock_random };

	return &list;
}
