/* SPDX-License-Identifier: Apache-2.0 */
/* Records of several threads and processes make one chain; what is not durable is said so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "file.h"
#include "journal_record.h"
#include "log.h"
#include "recorder.h"
#include "support/directory.h"

enum { THREADS = 8, RECORDS_OF_EACH = 25 };

static char last_reason[RECORDER_REASON_MAX];
static unsigned alarms;

static void hear_alarm(void *context, const char *reason)
{
	(void)context;
	alarms++;
	(void)snprintf(last_reason, sizeof(last_reason), "%s", reason);
}

static int setup(void **state)
{
	alarms = 0;
	last_reason[0] = '\0';
	log_set_level((enum log_level)0);
	return directory_setup(state);
}

static struct recorder *open_recorder(const char *path)
{
	struct recorder *recorder = recorder_new(path, hear_alarm, NULL);

	assert_non_null(recorder);
	return recorder;
}

static bool write_one(struct recorder *recorder, const char *text)
{
	CLEANUP(json) json_t *fields = json_pack("{s:s}", "text", text);

	return fields && recorder_write(recorder, fields);
}

static void count_one(void *context, const json_t *record, size_t at, size_t len)
{
	(void)record;
	(void)at;
	(void)len;
	++*(size_t *)context;
}

/* How many records the first file has; its chain is whole. */
static size_t count_records(struct directory *directory)
{
	struct journal_report report;
	size_t count = 0, len = 0;
	CLEANUP(free)
	char *text =
		file_read(directory_file(directory, "a/000000000001.jsonl"), 1024 * 1024, &len);

	assert_non_null(text);
	journal_check(bytes_of(text, len), count_one, &count, &report);
	assert_int_equal(report.state, JOURNAL_GOOD);
	assert_int_equal(report.last.number, count);
	return count;
}

static void *write_many(void *context)
{
	for (int i = 0; i < RECORDS_OF_EACH; i++)
		if (!write_one(context, "one of many"))
			return context;
	return NULL;
}

static void threads_are_written_for_together(void **state)
{
	struct recorder *recorder = open_recorder(directory_file(*state, "a"));
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, recorder), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	recorder_free(recorder);

	assert_int_equal(count_records(*state), THREADS * RECORDS_OF_EACH);
}

/* As during a takeover. */
static void two_processes_make_one_chain(void **state)
{
	const char *path = directory_file(*state, "a");
	struct recorder *own = open_recorder(path);
	int status = 0;

	assert_true(write_one(own, "before"));
	pid_t child = fork();

	if (child == 0) {
		struct recorder *other = recorder_new(path, hear_alarm, NULL);

		_exit(other && write_many(other) == NULL ? 0 : 1);
	}
	assert_true(child > 0);
	assert_null(write_many(own));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(write_one(own, "after"));
	recorder_free(own);

	assert_int_equal(count_records(*state), 2 * RECORDS_OF_EACH + 2);
}

static void the_chain_goes_on_in_another_process(void **state)
{
	struct recorder *first = open_recorder(directory_file(*state, "a"));

	assert_true(write_one(first, "first"));
	recorder_free(first);
	struct recorder *second = open_recorder(directory_file(*state, "a"));

	assert_true(write_one(second, "second"));
	recorder_free(second);

	assert_int_equal(count_records(*state), 2);
}

static void what_cannot_be_written_is_refused_and_an_alarm(void **state)
{
	const char *path = directory_write(*state, "a", "no directory");
	struct recorder *recorder = open_recorder(path);

	assert_false(write_one(recorder, "lost"));
	assert_false(write_one(recorder, "lost too"));

	assert_int_equal(alarms, 1);
	assert_non_null(strstr(last_reason, "refused"));
	assert_int_equal(unlink(directory_file(*state, "a")), 0);
	assert_true(write_one(recorder, "written"));
	assert_int_equal(alarms, 2);
	assert_null(strstr(last_reason, "cannot be recorded"));
	recorder_free(recorder);
	assert_int_equal(count_records(*state), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			threads_are_written_for_together, setup, directory_teardown),
		cmocka_unit_test_setup_teardown(
			two_processes_make_one_chain, setup, directory_teardown),
		cmocka_unit_test_setup_teardown(
			the_chain_goes_on_in_another_process, setup, directory_teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_written_is_refused_and_an_alarm, setup, directory_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
