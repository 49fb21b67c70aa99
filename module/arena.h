/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one call: taken in pieces, bounded, wiped and returned as a whole. */
#ifndef IOTHSM_ARENA_H
#define IOTHSM_ARENA_H

#include "budget.h"
#include "bytes.h"

enum { ARENA_INLINE_BYTES = 8192 };

struct arena_chunk;

/* The first ARENA_INLINE_BYTES come from the structure itself, so an ordinary call needs no malloc.
 */
struct arena {
	struct arena_chunk *chunks;
	size_t used;           /* of the inline bytes */
	size_t total;          /* bytes taken so far, inline ones included */
	size_t limit;          /* total never exceeds it */
	struct budget *budget; /* of what is not inline; NULL: none */
	_Alignas(16) uint8_t space[ARENA_INLINE_BYTES];
};

void arena_init(struct arena *arena, size_t limit);

/* Zeroed memory aligned to 16, or NULL when the limit is reached or memory is exhausted. */
void *arena_take(struct arena *arena, size_t len);

/* A copy of the bytes inside the arena, or NULL as arena_take(). */
void *arena_copy(struct arena *arena, const void *data, size_t len);

/* Wipes all that was taken and frees it; the arena can be used again at once. */
void arena_reset(struct arena *arena);

#endif
