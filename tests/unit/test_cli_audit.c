/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing or changed between the files of a chain, and inside them, is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "cleanup.h"
#include "cli_audit.h"
#include "support/directory.h"

enum { RECORDS = 6, FILE_RECORDS = 2, FILES = RECORDS / FILE_RECORDS };

/* Six records in three files. */
struct chain {
	struct directory directory;
	struct cli_audit found;
	size_t visits;
};

static void name_of(char name[64], size_t file, const char *suffix)
{
	(void)snprintf(name, 64, "%012zu.jsonl%s", file * FILE_RECORDS + 1, suffix);
}

static void write_chain(struct chain *chain)
{
	struct journal_chain at = { 0 };
	char name[64];

	for (size_t i = 0; i < FILES; i++) {
		char text[4096] = "";

		for (size_t k = 0; k < FILE_RECORDS; k++) {
			CLEANUP(json) json_t *fields = json_pack("{s:s}", "event", "sign");
			size_t len = 0;
			CLEANUP(free) char *line = journal_record_seal(&at, fields, &at, &len);

			assert_non_null(line);
			(void)strcat(text, line);
		}
		name_of(name, i, "");
		(void)directory_write(&chain->directory, name, text);
	}
}

static int setup(void **state)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	assert_non_null(chain);
	directory_make(&chain->directory);
	write_chain(chain);
	*state = chain;
	return 0;
}

static int teardown(void **state)
{
	struct chain *chain = *state;

	directory_remove(&chain->directory);
	free(chain);
	return 0;
}

static void keep(void *context, const struct cli_audit *audit)
{
	struct chain *chain = context;

	chain->found = *audit;
	chain->visits++;
}

static const struct cli_audit *check(struct chain *chain)
{
	assert_true(cli_audit_check(chain->directory.path, keep, chain));
	return &chain->found;
}

static void remove_file(struct chain *chain, size_t file)
{
	char name[64];

	name_of(name, file, "");
	assert_int_equal(unlink(directory_file(&chain->directory, name)), 0);
}

/* Writes the byte at that place of a file anew. */
static void change_byte(struct chain *chain, size_t file, long at)
{
	char name[64];

	name_of(name, file, "");
	FILE *stream = fopen(directory_file(&chain->directory, name), "r+");

	assert_non_null(stream);
	assert_int_equal(fseek(stream, at, SEEK_SET), 0);
	assert_int_equal(fputc('#', stream), '#');
	assert_int_equal(fclose(stream), 0);
}

static void a_whole_chain_is_good(void **state)
{
	const struct cli_audit *found = check(*state);

	assert_string_equal(found->fault_file, "");
	assert_int_equal(found->files, FILES);
	assert_int_equal(found->records, RECORDS);
	assert_int_equal(found->first, 1);
	assert_int_equal(found->last.number, RECORDS);
}

static void a_missing_file_is_found(void **state)
{
	remove_file(*state, 1);

	const struct cli_audit *found = check(*state);

	assert_non_null(strstr(found->fault_file, "000000000005.jsonl"));
	assert_int_equal(found->fault_line, 1);
	assert_string_equal(found->reason, "records are missing before it");
}

static void the_oldest_may_be_taken_away(void **state)
{
	remove_file(*state, 0);

	const struct cli_audit *found = check(*state);

	assert_string_equal(found->fault_file, "");
	assert_int_equal(found->first, FILE_RECORDS + 1);
}

static void a_changed_byte_in_any_line_is_found(void **state)
{
	struct chain *chain = *state;

	for (size_t file = 0; file < FILES; file++) {
		write_chain(chain);
		change_byte(chain, file, 7);
		const struct cli_audit *found = check(chain);

		assert_int_equal(found->fault_line, 1);
		assert_string_equal(found->reason, "the line is changed, or is no record");
	}
}

static void a_damaged_file_put_aside_is_read_too(void **state)
{
	struct chain *chain = *state;
	char name[64], from[PATH_MAX];

	change_byte(chain, 1, 7);
	name_of(name, 1, "");
	(void)strcpy(from, directory_file(&chain->directory, name));
	name_of(name, 1, ".damaged-17");
	assert_int_equal(rename(from, directory_file(&chain->directory, name)), 0);

	const struct cli_audit *found = check(chain);

	assert_non_null(strstr(found->fault_file, ".damaged-17"));
	assert_int_equal(found->fault_line, 1);
	assert_int_equal(found->files, FILES);
}

static void a_file_under_another_name_is_found(void **state)
{
	struct chain *chain = *state;
	char name[64], from[PATH_MAX];

	name_of(name, 2, "");
	(void)strcpy(from, directory_file(&chain->directory, name));
	assert_int_equal(rename(from, directory_file(&chain->directory, "000000000009.jsonl")), 0);

	assert_string_equal(
		check(chain)->reason, "it is not the record that the name of the file says");
}

static void a_chain_that_begins_anew_is_found(void **state)
{
	struct chain *chain = *state;
	static const struct journal_chain strange = { 0, "ab" };
	struct journal_chain after;
	CLEANUP(json) json_t *fields = json_pack("{s:s}", "event", "sign");
	size_t len = 0;
	struct journal_chain begin = strange;

	memset(begin.hash, 'a', sizeof(begin.hash) - 1);
	CLEANUP(free) char *line = journal_record_seal(&begin, fields, &after, &len);

	(void)directory_write(&chain->directory, "000000000001.jsonl", line);
	assert_string_equal(check(chain)->reason, "it does not begin the chain");
}

static void each_directory_is_a_chain_and_none_is_said(void **state)
{
	struct chain *chain = *state;
	char path[128];

	(void)strcpy(path, directory_file(&chain->directory, "empty"));
	assert_int_equal(mkdir(path, 0700), 0);

	(void)check(chain);
	assert_int_equal(chain->visits, 1);
	assert_false(cli_audit_check(path, keep, chain));
	assert_int_equal(errno, 0);
	assert_false(cli_audit_check(directory_file(&chain->directory, "absent"), keep, chain));
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_chain_is_good, setup, teardown),
		cmocka_unit_test_setup_teardown(a_missing_file_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(the_oldest_may_be_taken_away, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_changed_byte_in_any_line_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_damaged_file_put_aside_is_read_too, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_under_another_name_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_chain_that_begins_anew_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			each_directory_is_a_chain_and_none_is_said, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
