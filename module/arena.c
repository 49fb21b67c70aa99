/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one call: taken in pieces, bounded, wiped and returned as a whole. */
#include "arena.h"

#include <stdlib.h>

enum { ARENA_ALIGNMENT = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t len;
	_Alignas(ARENA_ALIGNMENT) uint8_t data[];
};

void arena_init(struct arena *arena, size_t limit)
{
	arena->chunks = NULL;
	arena->used = 0;
	arena->total = 0;
	arena->limit = limit;
	arena->budget = NULL;
}

static void *take_chunk(struct arena *arena, size_t len)
{
	size_t whole = sizeof(struct arena_chunk) + len;

	if (!budget_take(arena->budget, whole))
		return NULL;
	struct arena_chunk *chunk = calloc(1, whole);

	if (!chunk) {
		budget_give(arena->budget, whole);
		return NULL;
	}
	chunk->next = arena->chunks;
	chunk->len = len;
	arena->chunks = chunk;
	return chunk->data;
}

void *arena_take(struct arena *arena, size_t len)
{
	if (len > arena->limit - arena->total || len > SIZE_MAX - 4096)
		return NULL;
	size_t rounded = (len + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
	void *taken;

	if (rounded <= sizeof(arena->space) - arena->used) {
		taken = memset(arena->space + arena->used, 0, rounded);
		arena->used += rounded;
	} else {
		taken = take_chunk(arena, rounded);
	}
	if (taken)
		arena->total += len;
	return taken;
}

void *arena_copy(struct arena *arena, const void *data, size_t len)
{
	void *copy = arena_take(arena, len);

	if (copy && len > 0)
		memcpy(copy, data, len);
	return copy;
}

void arena_reset(struct arena *arena)
{
	explicit_bzero(arena->space, arena->used);
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		explicit_bzero(chunk->data, chunk->len);
		budget_give(arena->budget, sizeof(*chunk) + chunk->len);
		free(chunk);
	}
	arena->used = 0;
	arena->total = 0;
}
