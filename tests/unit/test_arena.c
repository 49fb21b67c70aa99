/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arena.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 100000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

static void small_pieces_come_from_inside_and_are_aligned(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		uint8_t *piece = arena_take(&arena, 3);

		assert_int_equal((uintptr_t)piece % 16, 0);
		assert_in_range((uintptr_t)piece, (uintptr_t)arena.space,
			(uintptr_t)arena.space + sizeof(arena.space));
	}
}

static void memory_is_zero_also_after_a_reset(void **state)
{
	static const uint8_t zero[64];

	(void)state;
	memset(arena_take(&arena, sizeof(zero)), 0xAA, sizeof(zero));
	arena_reset(&arena);

	assert_memory_equal(arena_take(&arena, sizeof(zero)), zero, sizeof(zero));
}

static void reset_wipes_what_was_taken(void **state)
{
	static const uint8_t zero[64];

	(void)state;
	memset(arena_take(&arena, sizeof(zero)), 0xAA, sizeof(zero));
	arena_reset(&arena);

	assert_memory_equal(arena.space, zero, sizeof(zero));
}

static void nothing_is_given_beyond_the_limit(void **state)
{
	(void)state;
	assert_non_null(arena_take(&arena, 60000));
	assert_null(arena_take(&arena, 60000));
	assert_null(arena_take(&arena, SIZE_MAX));
	assert_non_null(arena_take(&arena, 40000));
	assert_null(arena_take(&arena, 1));
}

static void copy_is_equal_and_apart(void **state)
{
	(void)state;
	char text[] = "text";
	char *copy = arena_copy(&arena, text, sizeof(text));

	assert_ptr_not_equal(copy, text);
	assert_string_equal(copy, text);
	assert_non_null(arena_copy(&arena, NULL, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(small_pieces_come_from_inside_and_are_aligned),
		TEST(memory_is_zero_also_after_a_reset),
		TEST(reset_wipes_what_was_taken),
		TEST(nothing_is_given_beyond_the_limit),
		TEST(copy_is_equal_and_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
