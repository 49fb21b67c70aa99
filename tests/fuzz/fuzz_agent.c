/* SPDX-License-Identifier: Apache-2.0 */
/* The whole module against a hostile agent: the input says which functions are called, and what
 * the agent answers. */
#include <iothsm/iothsm.h>
#include <stdlib.h>

#include "hostile_agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOT = 7, STEPS_MAX = 24, NESTED_MAX = 3 };

static CK_SESSION_HANDLE session;
static const struct iothsm_admin *admin;
static CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
static CK_BYTE input[] = "to be signed";

/* What a caller offers: a buffer exactly as large as it says, or none. */
struct offer {
	CK_BYTE *data;
	CK_ULONG len, room;
};

static struct offer make_offer(struct script *script, size_t unit)
{
	CK_ULONG room = script_byte(script) * unit;
	struct offer offer = { .len = room, .room = room };

	/* An odd one is a length query. */
	if (room % 2 == 0)
		offer.data = malloc(room > 0 ? room : 1);
	return offer;
}

static void check_offer(struct offer *offer, CK_RV rv, size_t unit)
{
	/* What is told to be there has to lie inside. */
	if (rv == CKR_OK && offer->data && offer->len * unit > offer->room)
		abort();
	free(offer->data);
}

static void call_slot_list(struct script *script)
{
	struct offer offer = make_offer(script, sizeof(CK_SLOT_ID));

	offer.len = offer.room / sizeof(CK_SLOT_ID);
	CK_RV rv = C_GetSlotList(CK_FALSE, (CK_SLOT_ID *)(void *)offer.data, &offer.len);

	check_offer(&offer, rv, sizeof(CK_SLOT_ID));
}

static void call_mechanism_list(struct script *script)
{
	struct offer offer = make_offer(script, sizeof(CK_MECHANISM_TYPE));

	offer.len = offer.room / sizeof(CK_MECHANISM_TYPE);
	CK_RV rv = C_GetMechanismList(SLOT, (CK_MECHANISM_TYPE *)(void *)offer.data, &offer.len);

	check_offer(&offer, rv, sizeof(CK_MECHANISM_TYPE));
}

static void call_infos(struct script *script)
{
	union {
		CK_SLOT_INFO slot;
		CK_TOKEN_INFO token;
		CK_MECHANISM_INFO mechanism;
		CK_SESSION_INFO session;
	} *info = malloc(sizeof(*info));

	if (!info)
		return;
	(void)C_GetSlotInfo(script_byte(script), &info->slot);
	(void)C_GetTokenInfo(SLOT, &info->token);
	(void)C_GetMechanismInfo(SLOT, CKM_ECDSA, &info->mechanism);
	(void)C_GetSessionInfo(session, &info->session);
	free(info);
}

static void call_event(struct script *script)
{
	CK_SLOT_ID slot;

	(void)script;
	(void)C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
}

static void call_open(struct script *script)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (script_byte(script) % 2 ? CKF_RW_SESSION : 0);

	(void)C_OpenSession(SLOT, flags, NULL, NULL, &session);
}

static void call_close(struct script *script)
{
	if (script_byte(script) % 2)
		(void)C_CloseSession(session);
	else
		(void)C_CloseAllSessions(SLOT);
}

static void call_login(struct script *script)
{
	CK_UTF8CHAR pin[] = "1234";

	switch (script_byte(script) % 4) {
	case 0: (void)C_Login(session, CKU_USER, pin, 4); break;
	case 1: (void)C_Login(session, CKU_CONTEXT_SPECIFIC, NULL, 0); break;
	case 2: (void)C_LoginUser(session, CKU_USER, pin, 4, pin, 4); break;
	default: (void)C_Logout(session); break;
	}
}

static void call_pins(struct script *script)
{
	CK_UTF8CHAR pin[] = "1234";
	CK_UTF8CHAR label[32] = { 0 };

	switch (script_byte(script) % 3) {
	case 0: (void)C_InitToken(SLOT, pin, 4, label); break;
	case 1: (void)C_InitPIN(session, pin, 4); break;
	default: (void)C_SetPIN(session, pin, 4, pin, 4); break;
	}
}

static void call_find(struct script *script)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG max = script_byte(script), count = 0;
	CK_OBJECT_HANDLE *found = malloc(max * sizeof(*found) + 1);

	if (found && C_FindObjectsInit(session, &template, 1) == CKR_OK)
		for (uint8_t i = script_byte(script) % 4; i > 0; i--)
			if (C_FindObjects(session, found, max, &count) == CKR_OK && count > max)
				abort();
	(void)C_FindObjectsFinal(session);
	free(found);
}

/* A list of attributes as callers make it for C_GetAttributeValue, each value a block of its own.
 */
static void fill_query(struct script *script, CK_ATTRIBUTE *list, size_t count, int depth)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_LABEL, CKA_ID, CKA_VALUE, CKA_MODULUS,
		CKA_ALLOWED_MECHANISMS, CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE };

	for (size_t i = 0; i < count; i++) {
		list[i].type = types[script_byte(script) % ARRAY_LEN(types)];
		list[i].ulValueLen = script_byte(script);
		list[i].pValue = NULL;
		if (wire_nests(list[i].type) && list[i].ulValueLen <= NESTED_MAX && depth < 3) {
			CK_ULONG nested = list[i].ulValueLen;

			list[i].ulValueLen = nested * sizeof(*list);
			list[i].pValue = calloc(nested + 1, sizeof(*list));
			fill_query(script, list[i].pValue, nested, depth + 1);
		} else if (!wire_nests(list[i].type) && list[i].ulValueLen % 4 != 3) {
			list[i].pValue = malloc(list[i].ulValueLen + 1);
		}
	}
}

/* What was handed in, as a caller remembers it: the answer must not change where values lie. */
static void free_query(CK_ATTRIBUTE *list, const CK_ATTRIBUTE *before, size_t count, CK_RV rv)
{
	for (size_t i = 0; i < count; i++) {
		size_t nested = before[i].ulValueLen / sizeof(*list);

		if (list[i].pValue != before[i].pValue || list[i].type != before[i].type)
			abort();
		if (rv == CKR_OK && before[i].pValue &&
			list[i].ulValueLen != CK_UNAVAILABLE_INFORMATION &&
			list[i].ulValueLen > before[i].ulValueLen)
			abort();
		if (wire_nests(before[i].type) && before[i].pValue)
			for (size_t j = 0; j < nested; j++)
				if (!wire_nests(((CK_ATTRIBUTE *)before[i].pValue)[j].type))
					free(((CK_ATTRIBUTE *)before[i].pValue)[j].pValue);
		free(before[i].pValue);
	}
}

static void call_attributes(struct script *script)
{
	enum { QUERY_MAX = 6 };
	CK_ATTRIBUTE list[QUERY_MAX] = { 0 }, before[QUERY_MAX];
	size_t count = script_byte(script) % (QUERY_MAX + 1);

	fill_query(script, list, count, 2);
	memcpy(before, list, sizeof(before));
	CK_RV rv = C_GetAttributeValue(session, 42, list, count);

	free_query(list, before, count, rv);
}

static void call_sign(struct script *script)
{
	struct offer offer = make_offer(script, 2);

	(void)C_SignInit(session, &mechanism, 42);
	CK_RV rv = C_Sign(session, input, sizeof(input), offer.data, &offer.len);

	check_offer(&offer, rv, 1);
}

static void call_sign_parts(struct script *script)
{
	struct offer offer = make_offer(script, 2);

	(void)C_SignInit(session, &mechanism, 42);
	(void)C_SignUpdate(session, input, sizeof(input));
	CK_RV rv = C_SignFinal(session, offer.data, &offer.len);

	check_offer(&offer, rv, 1);
}

static void call_decrypt(struct script *script)
{
	struct offer offer = make_offer(script, 1);

	(void)C_DecryptInit(session, &mechanism, 42);
	CK_RV rv = script_byte(script) % 2
			   ? C_Decrypt(session, input, sizeof(input), offer.data, &offer.len)
			   : C_DecryptUpdate(session, input, sizeof(input), offer.data, &offer.len);

	check_offer(&offer, rv, 1);
}

static void call_verify(struct script *script)
{
	(void)C_VerifyInit(session, &mechanism, 42);
	if (script_byte(script) % 2)
		(void)C_VerifyUpdate(session, input, sizeof(input));
	(void)C_Verify(session, input, sizeof(input), input, sizeof(input));
}

static void call_create(struct script *script)
{
	CK_ATTRIBUTE template = { CKA_LABEL, input, sizeof(input) };
	CK_OBJECT_HANDLE made = 0, other = 0;
	CK_ULONG size = 0;

	switch (script_byte(script) % 6) {
	case 0: (void)C_CreateObject(session, &template, 1, &made); break;
	case 1:
		(void)C_GenerateKeyPair(
			session, &mechanism, &template, 1, &template, 1, &made, &other);
		break;
	case 2: (void)C_CopyObject(session, 42, &template, 1, &made); break;
	case 3: (void)C_UnwrapKey(session, &mechanism, 42, input, 4, &template, 1, &made); break;
	case 4: (void)C_GetObjectSize(session, 42, &size); break;
	default: (void)C_DestroyObject(session, 42); break;
	}
}

static void call_outputs(struct script *script)
{
	uint8_t choice = script_byte(script) % 5;
	struct offer offer = make_offer(script, 1);
	CK_RV rv = CKR_OK;

	switch (choice) {
	case 0: rv = C_GetOperationState(session, offer.data, &offer.len); break;
	case 1: rv = C_WrapKey(session, &mechanism, 42, 43, offer.data, &offer.len); break;
	case 2: rv = C_SignRecover(session, input, 4, offer.data, &offer.len); break;
	case 3: rv = C_GenerateRandom(session, offer.data, offer.room); break;
	default: rv = admin->status(offer.data, &offer.len); break;
	}
	check_offer(&offer, rv, 1);
}

static void call_admin(struct script *script)
{
	CK_UTF8CHAR pin[] = "1234";
	CK_FLAGS rights;

	switch (script_byte(script) % 4) {
	case 0: (void)admin->rights(SLOT, &rights); break;
	case 1: (void)admin->keep_pin(SLOT, CKU_USER, pin, 4); break;
	case 2: (void)admin->delete_token(SLOT, pin, 4); break;
	default: (void)admin->rescan(); break;
	}
}

static void (*const calls[])(struct script *) = { call_slot_list, call_mechanism_list, call_infos,
	call_event, call_open, call_close, call_login, call_pins, call_find, call_attributes,
	call_sign, call_sign_parts, call_decrypt, call_verify, call_create, call_outputs,
	call_admin };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { data, size };
	CK_INTERFACE *interface = NULL;

	if (!admin && C_GetInterface((CK_UTF8CHAR *)(uintptr_t)IOTHSM_ADMIN_INTERFACE, NULL,
			      &interface, 0) != CKR_OK)
		abort();
	if (interface)
		admin = interface->pFunctionList;
	hostile_agent_play(&script);
	if (C_Initialize(NULL) != CKR_OK)
		abort();
	session = CK_INVALID_HANDLE;
	(void)C_OpenSession(SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	for (int i = 0; i < STEPS_MAX && script.len > 0; i++)
		calls[script_byte(&script) % ARRAY_LEN(calls)](&script);
	if (C_Finalize(NULL) != CKR_OK)
		abort();
	hostile_agent_play(NULL);
	return 0;
}
