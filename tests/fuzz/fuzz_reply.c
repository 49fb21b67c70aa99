/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile agent may answer: decoded and read as the module does. */
#include <stdlib.h>

#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static unsigned int sum;

static void touch(const void *data, size_t len)
{
	for (size_t i = 0; data && i < len; i++)
		sum += ((const uint8_t *)data)[i];
}

static void touch_list(const struct attributes *attributes)
{
	for (CK_ULONG i = 0; i < attributes->count; i++) {
		const CK_ATTRIBUTE *attribute = &attributes->list[i];

		if (attribute->pValue && wire_nests(attribute->type)) {
			struct attributes nested = { attribute->pValue,
				attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };

			touch_list(&nested);
		} else if (attribute->pValue) {
			touch(attribute->pValue, attribute->ulValueLen);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame = { 0 };
	Reply reply;

	arena_init(&arena, 4 * 1024 * 1024);
	if (wire_decode_reply(bytes_of(data, size), &arena, &reply)) {
		touch(reply.data.data, reply.data.len);
		touch_list(&reply.attributes);
		if (!wire_encode_reply(&frame, &reply))
			abort();
	}
	frame_free(&frame);
	arena_reset(&arena);
	return 0;
}
