/* SPDX-License-Identifier: Apache-2.0 */
/* No request is executed twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay.h"
#include "support/directory.h"

static const struct bytes key = { (const uint8_t *)"key", 3 };
static const struct bytes body = { (const uint8_t *)"body", 4 };
static const struct bytes other = { (const uint8_t *)"other", 5 };

static int setup(void **state)
{
	struct directory directory;

	directory_make(&directory);
	*state = replay_new(directory.path);
	assert_non_null(*state);
	/* The file of the answers has no name: the directory is empty. */
	directory_remove(&directory);
	return 0;
}

static int teardown(void **state)
{
	replay_free(*state);
	return 0;
}

static enum replay_verdict begin(void *replay, struct bytes what, int64_t now_s, uint64_t *ticket)
{
	char *answer = NULL;
	enum replay_verdict verdict = replay_begin(replay, key, what, now_s, ticket, &answer);

	free(answer);
	return verdict;
}

static void repeated_request_gets_the_stored_answer(void **state)
{
	uint64_t ticket = 0;
	char *answer = NULL;

	assert_int_equal(begin(*state, body, 100, &ticket), REPLAY_NEW);
	assert_int_equal(begin(*state, body, 101, &ticket), REPLAY_PENDING);
	replay_answer(*state, ticket, "1certificate");
	enum replay_verdict verdict = replay_begin(*state, key, body, 102, &ticket, &answer);

	assert_int_equal(verdict, REPLAY_ANSWERED);
	assert_string_equal(answer, "1certificate");
	free(answer);
}

static void another_body_is_a_conflict(void **state)
{
	uint64_t ticket = 0;

	assert_int_equal(begin(*state, body, 100, &ticket), REPLAY_NEW);
	assert_int_equal(begin(*state, other, 100, &ticket), REPLAY_CONFLICT);
	replay_answer(*state, ticket, "1");
	assert_int_equal(begin(*state, other, 100, &ticket), REPLAY_CONFLICT);
}

static void forgotten_and_aged_requests_are_new(void **state)
{
	uint64_t ticket = 0;

	assert_int_equal(begin(*state, body, 100, &ticket), REPLAY_NEW);
	replay_forget(*state, ticket);
	assert_int_equal(begin(*state, other, 100, &ticket), REPLAY_NEW);
	replay_answer(*state, ticket, "1");
	assert_int_equal(begin(*state, body, 100 + REPLAY_LIFE_SECONDS, &ticket), REPLAY_NEW);
}

static void fill(void *replay, size_t count, uint64_t *first)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t ticket = 0;
		char *answer = NULL;

		assert_int_equal(
			replay_begin(replay, bytes_of(&i, sizeof(i)), body, 100, &ticket, &answer),
			REPLAY_NEW);
		if (i == 0)
			*first = ticket;
		else
			replay_answer(replay, ticket, "1answer");
	}
}

static void oldest_of_many_is_forgotten(void **state)
{
	uint64_t ticket = 0;
	uint64_t first = 0;
	size_t zero = 0;
	char *answer = NULL;

	fill(*state, REPLAY_ENTRIES_MAX + 1, &first);
	/* Its place belongs to another by now: nothing happens. */
	replay_answer(*state, first, "1late");
	enum replay_verdict verdict =
		replay_begin(*state, bytes_of(&zero, sizeof(zero)), body, 100, &ticket, &answer);

	assert_int_equal(verdict, REPLAY_NEW);
}

static void answers_beyond_the_files_bound_are_lost_not_mixed(void **state)
{
	enum { LEN = 1024 * 1024 };
	uint64_t ticket = 0;
	CK_BYTE filler = 0;
	char *text = malloc(LEN + 1);

	assert_non_null(text);
	memset(text, '1', LEN);
	text[LEN] = '\0';
	assert_int_equal(begin(*state, body, 100, &ticket), REPLAY_NEW);
	replay_answer(*state, ticket, text);
	for (filler = 0; filler <= REPLAY_ANSWERS_MAX / LEN; filler++) {
		char *answer = NULL;

		assert_int_equal(
			replay_begin(*state, bytes_of(&filler, 1), body, 100, &ticket, &answer),
			REPLAY_NEW);
		replay_answer(*state, ticket, text);
	}
	assert_int_equal(begin(*state, body, 100, &ticket), REPLAY_LOST);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			repeated_request_gets_the_stored_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(another_body_is_a_conflict, setup, teardown),
		cmocka_unit_test_setup_teardown(
			forgotten_and_aged_requests_are_new, setup, teardown),
		cmocka_unit_test_setup_teardown(oldest_of_many_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(
			answers_beyond_the_files_bound_are_lost_not_mixed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
