/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

enum { ROUNDS = 20000 };

/* A host for two users, and a connection of one of them. */
struct fixture {
	struct budget host, user, other, connection;
};

static struct fixture all;

static int set_up(void **state)
{
	(void)state;
	all = (struct fixture){ .host.limit = 1000,
		.user = { .parent = &all.host, .limit = 700 },
		.other = { .parent = &all.host, .limit = 700 },
		.connection = { .parent = &all.user, .limit = SIZE_MAX, .spared = 100 } };
	return 0;
}

static void what_is_spared_counts_for_nobody(void **state)
{
	(void)state;
	assert_true(budget_take(&all.connection, 60));
	assert_true(budget_take(&all.connection, 40));

	assert_int_equal(all.user.used, 0);
	assert_int_equal(all.host.used, 0);
}

static void only_what_is_above_it_counts_and_comes_back(void **state)
{
	(void)state;
	assert_true(budget_take(&all.connection, 60));
	assert_true(budget_take(&all.connection, 60));
	assert_true(budget_take(&all.connection, 500));
	assert_int_equal(all.user.used, 520);
	assert_int_equal(all.host.used, 520);

	budget_give(&all.connection, 60);
	assert_int_equal(all.user.used, 460);
	budget_give(&all.connection, 500);
	budget_give(&all.connection, 60);

	assert_int_equal(all.user.used, 0);
	assert_int_equal(all.host.used, 0);
	assert_int_equal(all.connection.used, 0);
}

static void user_stops_at_its_limit_and_takes_nothing_in_vain(void **state)
{
	(void)state;
	assert_true(budget_take(&all.connection, 800));

	assert_false(budget_take(&all.connection, 1));
	assert_false(budget_take(&all.connection, SIZE_MAX));

	assert_true(all.connection.refused);
	assert_int_equal(all.connection.used, 800);
	assert_int_equal(all.user.used, 700);
	assert_int_equal(all.host.used, 700);
}

static void users_together_stop_at_the_limit_of_the_host(void **state)
{
	(void)state;
	assert_true(budget_take(&all.user, 600));

	assert_false(budget_take(&all.other, 500));
	assert_int_equal(all.other.used, 0);
	assert_true(budget_take(&all.other, 400));
	assert_int_equal(all.host.used, 1000);
}

static void nothing_counts_without_a_budget(void **state)
{
	(void)state;
	assert_true(budget_take(NULL, SIZE_MAX));
	budget_give(NULL, SIZE_MAX);
}

static void *take_and_give(void *context)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (budget_take(context, 300))
			budget_give(context, 300);
	}
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	struct budget *users[] = { &all.user, &all.other, &all.user, &all.other };
	pthread_t threads[ARRAY_LEN(users)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(users); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, users[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(users); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	assert_int_equal(all.user.used, 0);
	assert_int_equal(all.other.used, 0);
	assert_int_equal(all.host.used, 0);
}

static void arena_takes_its_pieces_from_the_budget_and_gives_them_back(void **state)
{
	static struct arena arena;

	(void)state;
	all.host.limit = all.user.limit = 100000;
	arena_init(&arena, SIZE_MAX);
	arena.budget = &all.connection;
	assert_non_null(arena_take(&arena, ARENA_INLINE_BYTES));
	assert_int_equal(all.connection.used, 0);
	assert_non_null(arena_take(&arena, 90000));
	assert_in_range(all.user.used, 89900, 100000);

	assert_null(arena_take(&arena, 20000));
	arena_reset(&arena);

	assert_int_equal(all.connection.used, 0);
	assert_int_equal(all.host.used, 0);
}

/* One call that there is no room for, and one that there is, follow each other on a socket. */
static void *send_two(void *context)
{
	struct frame frame = { 0 };
	static uint8_t data[200000];
	Call large = { .number = 1, .data = bytes_of(data, sizeof(data)) };
	Call small = { .number = 2 };
	int fd = *(const int *)context;

	if (!wire_encode_call(&frame, &large) || wire_send(fd, &frame, -1) != WIRE_DONE ||
		!wire_encode_call(&frame, &small) || wire_send(fd, &frame, -1) != WIRE_DONE)
		(void)close(fd);
	frame_free(&frame);
	return NULL;
}

static void frame_without_room_is_taken_off_the_socket(void **state)
{
	struct frame frame = { .budget = &all.connection };
	static struct arena arena;
	pthread_t sender;
	int ends[2];
	Call call;

	(void)state;
	all.host.limit = all.user.limit = 100000;
	arena_init(&arena, 4096);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(pthread_create(&sender, NULL, send_two, &ends[0]), 0);

	assert_int_equal(wire_receive(ends[1], &frame, -1), WIRE_NO_ROOM);
	assert_true(all.connection.refused);
	assert_true(frame.capacity <= 4096);
	assert_int_equal(wire_receive(ends[1], &frame, -1), WIRE_DONE);
	assert_true(wire_decode_call(bytes_of(frame.data, frame.len), &arena, &call));

	assert_int_equal(call.number, 2);
	assert_int_equal(pthread_join(sender, NULL), 0);
	frame_free(&frame);
	assert_int_equal(all.connection.used, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void reply_without_room_is_not_encoded(void **state)
{
	struct frame frame = { .budget = &all.connection };
	static uint8_t data[200000];

	(void)state;
	all.host.limit = all.user.limit = 100000;
	assert_false(wire_encode_reply(&frame, &(Reply){ .data = bytes_of(data, sizeof(data)) }));
	assert_true(wire_encode_reply(&frame, &(Reply){ .rv = CKR_HOST_MEMORY }));

	frame_free(&frame);
	assert_int_equal(all.connection.used, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_spared_counts_for_nobody),
		TEST(only_what_is_above_it_counts_and_comes_back),
		TEST(user_stops_at_its_limit_and_takes_nothing_in_vain),
		TEST(users_together_stop_at_the_limit_of_the_host),
		TEST(nothing_counts_without_a_budget),
		TEST(threads_lose_nothing),
		TEST(arena_takes_its_pieces_from_the_budget_and_gives_them_back),
		TEST(frame_without_room_is_taken_off_the_socket),
		TEST(reply_without_room_is_not_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
