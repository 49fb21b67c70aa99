/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in force: read when it changed, kept while its successor is wrong, and its rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "police_book.h"
#include "support/directory.h"

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"

enum { HOUR_MS = 3600 * 1000 };

struct fixture {
	struct directory directory;
	struct police_book *book;
};

static int setup(void **state)
{
	static struct fixture fixture;
	struct link_message file = { .number = LINK_POLICY_FILE };
	struct link_message defaults = { .number = LINK_POLICY_DIRECTORY };

	directory_make(&fixture.directory);
	fixture.book = police_book_new();
	assert_non_null(fixture.book);
	(void)strcpy(file.text, directory_file(&fixture.directory, "policy.conf"));
	(void)strcpy(defaults.text, directory_file(&fixture.directory, "policy.d"));
	police_book_configure(fixture.book, &file);
	police_book_configure(fixture.book, &defaults);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	police_book_free(fixture->book);
	directory_remove(&fixture->directory);
	return 0;
}

/* As an administrator's editor does it: a new file in the place of the old one. */
static void write_policy(struct fixture *fixture, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/policy.conf", fixture->directory.path);
	assert_int_equal(rename(directory_write(&fixture->directory, "new", text), path), 0);
}

static void without_a_file_there_is_no_policy(void **state)
{
	struct fixture *fixture = *state;

	assert_null(police_book_take(fixture->book));
}

static void file_counts_from_its_writing_on_and_until_its_end(void **state)
{
	struct fixture *fixture = *state;

	write_policy(fixture, "key \"" ONE "\" { profile = ca }");
	struct police_edition *first = police_book_take(fixture->book);

	assert_int_equal(first->policy->count, 1);
	assert_int_equal(unlink(directory_file(&fixture->directory, "policy.conf")), 0);
	assert_null(police_book_take(fixture->book));
	assert_int_equal(first->policy->count, 1); /* held */
	police_book_give(fixture->book, first);
}

static void wrong_successor_leaves_the_former_in_force(void **state)
{
	struct fixture *fixture = *state;

	write_policy(fixture, "key \"" ONE "\" { profile = leaf-only }");
	police_book_give(fixture->book, police_book_take(fixture->book));
	write_policy(fixture, "nonsense");
	struct police_edition *edition = police_book_take(fixture->book);

	assert_non_null(edition->policy);
	assert_int_equal(edition->policy->count, 1);
	police_book_give(fixture->book, edition);
}

static void wrong_first_one_is_a_policy_of_nothing(void **state)
{
	struct fixture *fixture = *state;

	write_policy(fixture, "nonsense");
	struct police_edition *edition = police_book_take(fixture->book);

	assert_non_null(edition);
	assert_null(edition->policy);
	police_book_give(fixture->book, edition);
	write_policy(fixture, "key \"" ONE "\" { profile = ca }");
	edition = police_book_take(fixture->book);
	assert_non_null(edition->policy);
	police_book_give(fixture->book, edition);
}

static void rate_is_what_comes_back_in_an_hour(void **state)
{
	struct fixture *fixture = *state;
	const struct policy_key two = { .spki = { 1 }, .per_hour = 2 };
	const struct policy_key other = { .spki = { 2 }, .per_hour = 2 };
	const struct policy_key any = { .spki = { 3 }, .per_hour = 0 };
	const int64_t now_ms = 5 * HOUR_MS;

	assert_true(police_book_count(fixture->book, &two, now_ms));
	assert_true(police_book_count(fixture->book, &two, now_ms));
	assert_false(police_book_count(fixture->book, &two, now_ms));
	assert_true(police_book_count(fixture->book, &other, now_ms));
	assert_true(police_book_count(fixture->book, &any, now_ms));
	assert_false(police_book_count(fixture->book, &two, now_ms + HOUR_MS / 2 - 1));
	assert_true(police_book_count(fixture->book, &two, now_ms + HOUR_MS / 2));
	assert_false(police_book_count(fixture->book, &two, now_ms + HOUR_MS / 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_file_there_is_no_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_counts_from_its_writing_on_and_until_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			wrong_successor_leaves_the_former_in_force, setup, teardown),
		cmocka_unit_test_setup_teardown(
			wrong_first_one_is_a_policy_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			rate_is_what_comes_back_in_an_hour, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
