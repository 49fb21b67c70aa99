/* SPDX-License-Identifier: Apache-2.0 */
/* No job is executed twice, whatever crashes; the record is a chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "file.h"
#include "journal.h"
#include "journal_record.h"
#include "json.h"
#include "log.h"
#include "support/directory.h"
#include "support/identity.h"

#define THUMBPRINT "00112233445566778899aabbccddeeff00112233"
#define FIRST      "journal/000000000001.jsonl"

static const struct journal_answer done = { true, "certificate", "/CN=leaf", "0a", 11, 1, 2, "ab" };
static EVP_PKEY *signer_key;
static X509 *signer;

static int setup_signer(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	signer_key = identity_key();
	signer = identity_cert("Platform", signer_key, NULL, NULL);
	return 0;
}

static int teardown_signer(void **state)
{
	(void)state;
	X509_free(signer);
	EVP_PKEY_free(signer_key);
	return 0;
}

static struct journal *open_journal(const struct directory *directory, int64_t now_s)
{
	struct journal *journal = journal_open(directory->path, now_s);

	assert_non_null(journal);
	return journal;
}

static enum journal_verdict accept_job(struct journal *journal, const char *siguuid,
	const char *body, int64_t now_s, uint64_t *ticket, char **answer)
{
	const struct journal_job job = { THUMBPRINT, siguuid, "csr", bytes_of_text(body), signer,
		"channel", "publisher", 5, 30 };

	return journal_accept(journal, &job, now_s, ticket, answer);
}

static enum journal_verdict ask(struct journal *journal, const char *siguuid, const char *body,
	int64_t now_s, uint64_t *ticket)
{
	char *answer = NULL;
	enum journal_verdict verdict = accept_job(journal, siguuid, body, now_s, ticket, &answer);

	free(answer);
	return verdict;
}

static void assert_answer(struct journal *journal, const char *siguuid, const char *expected)
{
	uint64_t ticket = 0;
	char *answer = NULL;

	assert_int_equal(
		accept_job(journal, siguuid, "body", 200, &ticket, &answer), JOURNAL_ANSWERED);
	assert_string_equal(answer, expected);
	free(answer);
}

static uint64_t run_job(struct journal *journal, const char *siguuid)
{
	uint64_t ticket = 0;

	assert_int_equal(ask(journal, siguuid, "body", 100, &ticket), JOURNAL_NEW);
	assert_true(journal_commit(journal, ticket));
	assert_true(journal_answer(journal, ticket, &done, 101));
	return ticket;
}

static char *read_first(struct directory *directory, size_t *len)
{
	char *text = file_read(directory_file(directory, FIRST), 1024 * 1024, len);

	assert_non_null(text);
	return text;
}

static void ignore_record(void *context, const json_t *record, size_t at, size_t len)
{
	(void)record;
	(void)at;
	(void)len;
	if (context)
		++*(size_t *)context;
}

static bool has_file_like(const struct directory *directory, const char *part)
{
	char path[128];
	bool found = false;

	(void)snprintf(path, sizeof(path), "%s/journal", directory->path);
	DIR *entries = opendir(path);

	assert_non_null(entries);
	for (const struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
		found = found || strstr(entry->d_name, part);
	(void)closedir(entries);
	return found;
}

/* --- at most once --- */

static void repeated_request_gets_the_answer_of_the_first(void **state)
{
	struct journal *journal = open_journal(*state, 100);
	uint64_t ticket = 0;

	assert_int_equal(ask(journal, "s1", "body", 100, &ticket), JOURNAL_NEW);
	assert_int_equal(ask(journal, "s1", "body", 100, &ticket), JOURNAL_PENDING);
	assert_int_equal(ask(journal, "s1", "other", 100, &ticket), JOURNAL_CONFLICT);
	assert_true(journal_answer(journal, ticket, &done, 101));
	assert_answer(journal, "s1", "1certificate");
	assert_int_equal(ask(journal, "s1", "other", 100, &ticket), JOURNAL_CONFLICT);
	journal_close(journal);
}

static void answer_outlives_a_restart(void **state)
{
	struct journal *journal = open_journal(*state, 100);
	uint64_t ticket = 0;

	(void)run_job(journal, "s1");
	journal_close(journal);
	journal = open_journal(*state, 200);
	assert_answer(journal, "s1", "1certificate");
	assert_int_equal(ask(journal, "s1", "other", 200, &ticket), JOURNAL_CONFLICT);
	journal_close(journal);
}

static void job_without_answer_is_interrupted_by_a_restart(void **state)
{
	struct journal *journal = open_journal(*state, 100);
	uint64_t ticket = 0;

	assert_int_equal(ask(journal, "s1", "body", 100, &ticket), JOURNAL_NEW);
	assert_true(journal_commit(journal, ticket));
	journal_close(journal);
	for (int i = 0; i < 2; i++) {
		journal = open_journal(*state, 200);
		assert_answer(journal, "s1", "0" JOURNAL_INTERRUPTED);
		journal_close(journal);
	}
}

static void unsent_answer_is_given_out_once_after_a_restart(void **state)
{
	struct journal *journal = open_journal(*state, 100);
	uint64_t ticket = 0;
	char *answer = NULL;

	journal_published(journal, run_job(journal, "sent"), true, 3, 102);
	journal_published(journal, run_job(journal, "unsent"), false, 3, 102);
	journal_close(journal);
	journal = open_journal(*state, 200);
	assert_null(journal_take_unsent(journal, "another CA", &ticket, &answer));
	json_t *record = journal_take_unsent(journal, THUMBPRINT, &ticket, &answer);

	assert_string_equal(json_text(record, "siguuid"), "unsent");
	assert_string_equal(json_text(record, "channel"), "channel");
	assert_string_equal(answer, "1certificate");
	free(answer);
	json_decref(record);
	assert_null(journal_take_unsent(journal, THUMBPRINT, &ticket, &answer));
	journal_close(journal);
}

static void forgotten_and_aged_requests_are_new(void **state)
{
	struct journal *journal = open_journal(*state, 100);
	uint64_t ticket = 0;

	assert_int_equal(ask(journal, "s1", "body", 100, &ticket), JOURNAL_NEW);
	journal_forget(journal, ticket, 100);
	(void)run_job(journal, "s2");
	journal_close(journal);
	journal = open_journal(*state, 200);
	assert_int_equal(ask(journal, "s1", "other", 200, &ticket), JOURNAL_NEW);
	assert_int_equal(
		ask(journal, "s2", "other", 100 + JOURNAL_LIFE_SECONDS, &ticket), JOURNAL_NEW);
	journal_close(journal);
}

static void oldest_of_many_is_forgotten_and_files_rotate(void **state)
{
	struct journal *journal = open_journal(*state, 100);
	uint64_t ticket = 0;
	char siguuid[16];

	for (size_t i = 0; i <= JOURNAL_JOBS_MAX; i++) {
		(void)snprintf(siguuid, sizeof(siguuid), "s%zu", i);
		assert_int_equal(ask(journal, siguuid, "body", 100, &ticket), JOURNAL_NEW);
		if (i % 500 == 1)
			assert_true(journal_commit(journal, ticket));
	}
	assert_true(has_file_like(*state, "000000000001.jsonl"));
	assert_int_equal(ask(journal, "s1", "body", 100, &ticket), JOURNAL_PENDING);
	journal_close(journal);
	/* The chain goes over all files, else one would be kept aside. */
	journal = open_journal(*state, 200);
	assert_false(has_file_like(*state, "damaged"));
	assert_answer(journal, "s1", "0" JOURNAL_INTERRUPTED);
	assert_int_equal(ask(journal, "s0", "other", 200, &ticket), JOURNAL_NEW);
	journal_close(journal);
}

/* --- files --- */

static void torn_last_line_is_cut_off(void **state)
{
	struct directory *directory = *state;
	struct journal *journal = open_journal(directory, 100);
	size_t len = 0;

	(void)run_job(journal, "s1");
	journal_close(journal);
	free(read_first(directory, &len));
	FILE *file = fopen(directory->file, "a");

	assert_non_null(file);
	assert_true(fputs("{\"n\":3,\"time\":1", file) > 0);
	assert_int_equal(fclose(file), 0);
	journal = open_journal(directory, 200);
	assert_false(has_file_like(directory, "damaged"));
	assert_answer(journal, "s1", "1certificate");
	(void)run_job(journal, "s2");
	journal_close(journal);
	char *text = read_first(directory, &len);
	struct journal_report report;

	journal_check(bytes_of(text, len), ignore_record, NULL, &report);
	assert_int_equal(report.state, JOURNAL_GOOD);
	assert_int_equal(report.records, 4);
	free(text);
}

/* The answer cannot be trusted any more, yet nothing that can be read is executed again. */
static void damaged_file_is_kept_aside_and_its_jobs_are_known(void **state)
{
	struct directory *directory = *state;
	struct journal *journal = open_journal(directory, 100);
	uint64_t ticket = 0;
	size_t len = 0;

	(void)run_job(journal, "s1");
	(void)run_job(journal, "s2");
	journal_close(journal);
	char *text = read_first(directory, &len);

	text[30] ^= 1;
	assert_true(file_replace(directory->file, bytes_of(text, len), 0600));
	free(text);
	log_set_level((enum log_level)1);
	journal = open_journal(directory, 200);
	log_set_level(LOG_LEVEL_ERROR);
	assert_true(has_file_like(directory, "damaged"));
	assert_int_equal(ask(journal, "s2", "body", 200, &ticket), JOURNAL_LOST);
	(void)run_job(journal, "s3");
	journal_close(journal);
	journal = open_journal(directory, 200);
	assert_answer(journal, "s3", "1certificate");
	journal_close(journal);
}

static void file_is_the_owners_only(void **state)
{
	struct directory *directory = *state;
	struct journal *journal = open_journal(directory, 100);
	struct stat status;

	(void)run_job(journal, "s1");
	journal_close(journal);
	assert_int_equal(stat(directory_file(directory, FIRST), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A file that may not grow stands for a disk that is full. */
static void full_disk_accepts_nothing_until_there_is_space(void **state)
{
	struct directory *directory = *state;
	struct journal *journal = open_journal(directory, 100);
	uint64_t ticket = run_job(journal, "s1");
	struct stat status;

	assert_int_equal(stat(directory_file(directory, FIRST), &status), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	log_set_level((enum log_level)1);
	limit_files((rlim_t)status.st_size + 20);
	assert_int_equal(ask(journal, "s2", "body", 100, &ticket), JOURNAL_UNWRITABLE);
	json_t *json = journal_json(journal);

	assert_true(json_is_false(json_object_get(json, "writable")));
	json_decref(json);
	limit_files(RLIM_INFINITY);
	log_set_level(LOG_LEVEL_ERROR);
	(void)run_job(journal, "s2");
	json = journal_json(journal);
	assert_true(json_is_true(json_object_get(json, "writable")));
	json_decref(json);
	journal_close(journal);
	journal = open_journal(directory, 200);
	assert_false(has_file_like(directory, "damaged"));
	assert_answer(journal, "s2", "1certificate");
	journal_close(journal);
}

static void answer_that_cannot_be_written_is_interrupted_for_ever(void **state)
{
	struct directory *directory = *state;
	struct journal *journal = open_journal(directory, 100);
	uint64_t ticket = 0;
	struct stat status;

	assert_int_equal(ask(journal, "s1", "body", 100, &ticket), JOURNAL_NEW);
	assert_true(journal_commit(journal, ticket));
	assert_int_equal(stat(directory_file(directory, FIRST), &status), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	log_set_level((enum log_level)1);
	limit_files((rlim_t)status.st_size);
	assert_false(journal_answer(journal, ticket, &done, 101));
	limit_files(RLIM_INFINITY);
	log_set_level(LOG_LEVEL_ERROR);
	assert_answer(journal, "s1", "0" JOURNAL_INTERRUPTED);
	journal_close(journal);
	journal = open_journal(directory, 200);
	assert_answer(journal, "s1", "0" JOURNAL_INTERRUPTED);
	journal_close(journal);
}

/* --- the chain --- */

/* A chain of so many records, freed by the caller. */
static char *make_chain(size_t count, size_t ends[])
{
	struct journal_chain chain = { 0 };
	char *text = calloc(1, 4096);
	size_t at = 0;

	assert_non_null(text);
	for (size_t i = 0; i < count; i++) {
		json_t *fields = json_pack("{s:s}", "event", "test");
		size_t len = 0;
		char *line = journal_record_seal(&chain, fields, &chain, &len);

		assert_non_null(line);
		memcpy(text + at, line, len);
		at += len;
		ends[i] = at;
		free(line);
		json_decref(fields);
	}
	return text;
}

static enum journal_state state_of(const char *text, size_t len, struct journal_report *report)
{
	journal_check(bytes_of(text, len), ignore_record, NULL, report);
	return report->state;
}

static void chain_is_good_and_continues_by_number_and_hash(void **state)
{
	size_t ends[3];
	char *text = make_chain(3, ends);
	struct journal_report first;
	struct journal_report rest;

	(void)state;
	assert_int_equal(state_of(text, ends[0], &first), JOURNAL_GOOD);
	assert_int_equal(state_of(text + ends[0], ends[2] - ends[0], &rest), JOURNAL_GOOD);
	assert_int_equal(rest.first, first.last.number + 1);
	assert_string_equal(rest.before, first.last.hash);
	assert_int_equal(rest.last.number, 3);
	free(text);
}

static void any_changed_byte_is_damage(void **state)
{
	size_t ends[3];
	char *text = make_chain(3, ends);
	struct journal_report report;

	(void)state;
	for (size_t i = 0; i < ends[2] - 1; i++) {
		text[i] ^= 1;
		assert_int_equal(state_of(text, ends[2], &report), JOURNAL_DAMAGED);
		text[i] ^= 1;
	}
	free(text);
}

static void missing_record_is_damage(void **state)
{
	size_t ends[3];
	char *text = make_chain(3, ends);
	struct journal_report report;

	(void)state;
	memmove(text + ends[0], text + ends[1], ends[2] - ends[1]);
	assert_int_equal(state_of(text, ends[0] + ends[2] - ends[1], &report), JOURNAL_DAMAGED);
	assert_int_equal(report.good_len, ends[0]);
	free(text);
}

static void cut_within_a_line_is_torn_elsewhere_good(void **state)
{
	size_t ends[2];
	char *text = make_chain(2, ends);
	struct journal_report report;

	(void)state;
	for (size_t len = ends[0] + 1; len < ends[1]; len++) {
		assert_int_equal(state_of(text, len, &report), JOURNAL_TORN);
		assert_int_equal(report.good_len, ends[0]);
	}
	free(text);
}

#define ON_DIRECTORY(test)                                                                         \
	cmocka_unit_test_setup_teardown(test, directory_setup, directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_DIRECTORY(repeated_request_gets_the_answer_of_the_first),
		ON_DIRECTORY(answer_outlives_a_restart),
		ON_DIRECTORY(job_without_answer_is_interrupted_by_a_restart),
		ON_DIRECTORY(unsent_answer_is_given_out_once_after_a_restart),
		ON_DIRECTORY(forgotten_and_aged_requests_are_new),
		ON_DIRECTORY(oldest_of_many_is_forgotten_and_files_rotate),
		ON_DIRECTORY(torn_last_line_is_cut_off),
		ON_DIRECTORY(damaged_file_is_kept_aside_and_its_jobs_are_known),
		ON_DIRECTORY(file_is_the_owners_only),
		ON_DIRECTORY(full_disk_accepts_nothing_until_there_is_space),
		ON_DIRECTORY(answer_that_cannot_be_written_is_interrupted_for_ever),
		cmocka_unit_test(chain_is_good_and_continues_by_number_and_hash),
		cmocka_unit_test(any_changed_byte_is_damage),
		cmocka_unit_test(missing_record_is_damage),
		cmocka_unit_test(cut_within_a_line_is_torn_elsewhere_good),
	};

	return cmocka_run_group_tests(tests, setup_signer, teardown_signer);
}
