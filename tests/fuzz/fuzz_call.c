/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile client may send: decoded, its mechanism rebuilt, every byte of it touched, sent
 * back. */
#include <stdlib.h>

#include "mechanism.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static unsigned int sum;

static void touch(const void *data, size_t len)
{
	for (size_t i = 0; data && i < len; i++)
		sum += ((const uint8_t *)data)[i];
}

/* A host writes into the buffers of a query and reads the values of a template. */
static void touch_list(const struct attributes *attributes, bool query)
{
	for (CK_ULONG i = 0; i < attributes->count; i++) {
		CK_ATTRIBUTE *attribute = &attributes->list[i];

		if (attribute->pValue && wire_nests(attribute->type)) {
			struct attributes nested = { attribute->pValue,
				attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };

			touch_list(&nested, query);
		} else if (attribute->pValue && query) {
			memset(attribute->pValue, 1, attribute->ulValueLen);
		} else if (attribute->pValue) {
			touch(attribute->pValue, attribute->ulValueLen);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame = { 0 };
	CK_MECHANISM mechanism;
	struct bytes flat;
	Call call;

	arena_init(&arena, 4 * 1024 * 1024);
	if (wire_decode_call(bytes_of(data, size), &arena, &call)) {
		touch(call.data.data, call.data.len);
		touch(call.data2.data, call.data2.len);
		touch_list(&call.attributes, call.query);
		touch_list(&call.attributes2, call.query);
		if (mechanism_unflatten((CK_MECHANISM_TYPE)call.mechanism, call.parameter, &arena,
			    &mechanism) == CKR_OK) {
			touch(mechanism.pParameter, mechanism.ulParameterLen);
			if (mechanism_flatten(&mechanism, &arena, &flat) != CKR_OK &&
				arena.total < arena.limit / 2)
				abort();
		}
		/* What was decoded can be encoded, and means the same again. */
		if (!wire_encode_call(&frame, &call) ||
			(arena.total < arena.limit / 4 &&
				!wire_decode_call(bytes_of(frame.data, frame.len), &arena, &call)))
			abort();
	}
	frame_free(&frame);
	arena_reset(&arena);
	return 0;
}
