/* SPDX-License-Identifier: Apache-2.0 */
/* Mutates a list of calls as calls: a function, a handle or an attribute, and now and then a byte
 * that makes no sense. */
#include "frames.h"

#include <iothsm/iothsm.h>
#include <stdlib.h>

#include "wire.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { MUTATOR_PAYLOAD_MAX = 2048, MUTATOR_VALUE_MAX = 256 };

struct item {
	uint8_t who;
	size_t len;
	uint8_t payload[MUTATOR_PAYLOAD_MAX];
};

struct items {
	size_t count;
	struct item list[FRAMES_MAX];
};

static unsigned state;
static struct arena arena;

static unsigned pick(unsigned below)
{
	state = state * 1664525U + 1013904223U;
	return (state >> 8) % below;
}

static uint64_t pick_of(const uint64_t *values, size_t count)
{
	uint64_t value = values[pick((unsigned)count)];

	if (pick(8) == 0)
		(void)LLVMFuzzerMutate((uint8_t *)&value, sizeof(value), sizeof(value));
	return value;
}

#define PICK(...)                                                                                  \
	pick_of((const uint64_t[]){ __VA_ARGS__ },                                                 \
		sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static struct bytes mutate_bytes(struct bytes old)
{
	size_t len = old.len < MUTATOR_VALUE_MAX ? old.len : MUTATOR_VALUE_MAX;
	uint8_t *copy = arena_take(&arena, MUTATOR_VALUE_MAX);

	if (!copy || pick(8) == 0)
		return bytes_of(NULL, 0);
	if (pick(8) == 0)
		return bytes_of_text("1234");
	if (len > 0)
		memcpy(copy, old.data, len);
	return bytes_of(copy, LLVMFuzzerMutate(copy, len, MUTATOR_VALUE_MAX));
}

static void set_value(CK_ATTRIBUTE *attribute)
{
	uint64_t number = PICK(CKO_DATA, CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKK_EC);
	struct bytes value = mutate_bytes(bytes_of(attribute->pValue, attribute->ulValueLen));

	switch (pick(4)) {
	case 0: value = bytes_of(arena_copy(&arena, &number, 1), 1); break;
	case 1:
		value = bytes_of(arena_copy(&arena, &number, sizeof(number)), sizeof(number));
		break;
	case 2: value = bytes_of(arena_copy(&arena, "key", 3), pick(4)); break;
	default: break;
	}
	attribute->pValue = (void *)(uintptr_t)value.data;
	attribute->ulValueLen = value.len;
}

static void mutate_attribute(CK_ATTRIBUTE *attribute, bool query)
{
	attribute->type = PICK(CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_ID, CKA_VALUE,
		CKA_KEY_TYPE, CKA_EC_POINT, CKA_EC_PARAMS, CKA_SENSITIVE, CKA_SIGN, CKA_UNIQUE_ID,
		CKA_WRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS, CKA_SUBJECT, CKA_CERTIFICATE_TYPE);
	if (query) {
		attribute->ulValueLen = pick(64);
		attribute->pValue = pick(3) ? arena_take(&arena, 64) : NULL;
	} else if (wire_nests(attribute->type)) {
		CK_ATTRIBUTE *nested = arena_take(&arena, sizeof(*nested));

		if (nested)
			mutate_attribute(nested, false);
		attribute->pValue = nested;
		attribute->ulValueLen = nested ? sizeof(*nested) : 0;
	} else {
		set_value(attribute);
	}
}

static void mutate_list(struct attributes *attributes, bool query)
{
	enum { LIST_MAX = 12 };
	CK_ATTRIBUTE *list = arena_take(&arena, sizeof(*list) * (LIST_MAX + 1));
	CK_ULONG count = attributes->count < LIST_MAX ? attributes->count : LIST_MAX;

	if (!list)
		return;
	if (count > 0)
		memcpy(list, attributes->list, count * sizeof(*list));
	switch (pick(4)) {
	case 0: count -= count > 0; break;
	case 1: count = 0; break;
	default:
		mutate_attribute(&list[pick((unsigned)count + 1)], query);
		count++;
		break;
	}
	*attributes = (struct attributes){ list, count };
}

static void mutate_call(Call *call)
{
	switch (pick(12)) {
	case 0: call->function = (Function)(Function_C_GetTokenInfo + pick(89)); break;
	case 1:
		call->function = (Function)PICK(2, 4, 5, 6, 7, 8, 34, 38, 50, 54, 56, 84, 111);
		break;
	case 2: call->handle = PICK(5, 5, 5, 6, 0, 7); break;
	case 3: call->object = PICK(FRAMES_PRIVATE_KEY, FRAMES_PUBLIC_KEY, 1, 2, 0); break;
	case 4: call->object2 = PICK(FRAMES_PRIVATE_KEY, FRAMES_PUBLIC_KEY, 1, 2, 0); break;
	case 5: call->number = PICK(0, 1, 2, 4, 6, 64, 1000, UINT64_MAX); break;
	case 6:
		call->has_mechanism = pick(8) > 0;
		call->mechanism = PICK(CKM_ECDSA, CKM_ECDSA_SHA256, CKM_SHA256, CKM_AES_GCM,
			CKM_RSA_PKCS_OAEP, CKM_EC_KEY_PAIR_GEN, CKM_IOTHSM_PREPARE_KEY,
			CKM_IOTHSM_SELF_SIGN, CKM_IOTHSM_CSR, CKM_IOTHSM_IMPORT_CERTIFICATE);
		break;
	case 7: call->parameter = mutate_bytes(call->parameter); break;
	case 8: call->data = mutate_bytes(call->data); break;
	case 9: call->data2 = mutate_bytes(call->data2); break;
	case 10:
		call->has_room = pick(4) > 0;
		call->room = PICK(0, 1, 63, 64, 65, 300, 1 << 20, UINT64_MAX);
		break;
	default: mutate_list(pick(3) ? &call->attributes : &call->attributes2, call->query); break;
	}
}

/* As a call where it is one; what does not encode stays as it was. */
static void mutate_item(struct item *item)
{
	static struct frame frame;
	Call call;

	arena_init(&arena, WIRE_FRAME_MAX);
	if (pick(10) == 0) {
		item->len = LLVMFuzzerMutate(item->payload, item->len, MUTATOR_PAYLOAD_MAX);
	} else {
		if (!wire_decode_call(bytes_of(item->payload, item->len), &arena, &call))
			call = (Call){ .function = Function_C_GetSessionInfo, .handle = 5 };
		for (unsigned i = pick(4) + 1; i > 0; i--)
			mutate_call(&call);
		if (wire_encode_call(&frame, &call) && frame.len <= MUTATOR_PAYLOAD_MAX) {
			memcpy(item->payload, frame.data, frame.len);
			item->len = frame.len;
		}
	}
	arena_reset(&arena);
}

static void read_items(struct items *items, const uint8_t *data, size_t size)
{
	struct bytes rest = bytes_of(data, size), payload;
	uint8_t who;

	items->count = 0;
	while (items->count < FRAMES_MAX && frames_next(&rest, &who, &payload)) {
		struct item *item = &items->list[items->count++];

		item->who = who;
		item->len = payload.len < MUTATOR_PAYLOAD_MAX ? payload.len : MUTATOR_PAYLOAD_MAX;
		memcpy(item->payload, payload.data, item->len);
	}
}

static size_t write_items(const struct items *items, uint8_t *data, size_t room)
{
	size_t done = 0;

	for (size_t i = 0; i < items->count; i++) {
		const struct item *item = &items->list[i];

		if (room - done < FRAMES_HEADER_LEN + item->len)
			break;
		data[done] = item->who;
		data[done + 1] = (uint8_t)item->len;
		data[done + 2] = (uint8_t)(item->len >> 8);
		memcpy(data + done + FRAMES_HEADER_LEN, item->payload, item->len);
		done += FRAMES_HEADER_LEN + item->len;
	}
	return done;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct items items;

	state = seed;
	read_items(&items, data, size);
	if (items.count < FRAMES_MAX && (items.count == 0 || pick(4) == 0)) {
		/* One more, like one that is there. */
		size_t from = items.count > 0 ? pick((unsigned)items.count) : 0;

		items.list[items.count] = items.list[from];
		items.count++;
	} else if (items.count > 1 && pick(8) == 0) {
		items.list[pick((unsigned)items.count)] = items.list[items.count - 1];
		items.count--;
	}
	struct item *chosen = &items.list[pick((unsigned)items.count)];

	if (pick(8) == 0)
		chosen->who ^= 1;
	mutate_item(chosen);
	return write_items(&items, data, max_size);
}
