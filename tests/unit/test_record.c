/* SPDX-License-Identifier: Apache-2.0 */
/* A private key is used only after its use was written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "cleanup.h"
#include "file.h"
#include "host_fixture.h"
#include "json.h"
#include "log.h"
#include "record.h"
#include "support/directory.h"

#define DIRECTORY "audit/mock%2e-0123456789ABCDEF"
#define FIRST     DIRECTORY "/000000000001.jsonl"
#define HASH_ABC  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct directory directory;

static void configure(struct fixture *fixture, const char *serial, enum record_mode mode)
{
	struct link_message message = { .type = LINK_RECORD, .number = mode };

	(void)snprintf(message.serial, sizeof(message.serial), "%s", serial);
	(void)snprintf(message.text, sizeof(message.text), "%s/audit", directory.path);
	record_configure(&fixture->host, &message);
}

static int setup(void **state)
{
	struct fixture *fixture;

	log_set_level((enum log_level)0);
	directory_make(&directory);
	if (fixture_setup(state) != 0)
		return -1;
	fixture = *state;
	(void)strcpy(fixture->host.backend, "mock.");
	configure(fixture, "", RECORD_ALL);
	return 0;
}

static int teardown(void **state)
{
	int result = fixture_teardown(state);

	directory_remove(&directory);
	return result;
}

static CK_OBJECT_HANDLE prepare(struct fixture *fixture)
{
	(void)mock_library_add(CKO_PRIVATE_KEY, "key", "1", "", true);
	assert_int_equal(fixture_open(fixture, fixture->a, 5, CKF_RW_SESSION), CKR_OK);
	assert_int_equal(fixture_login(fixture, fixture->a, 5, CKU_USER, "1234"), CKR_OK);
	return fixture_find(fixture, fixture->a, 5, CKO_PRIVATE_KEY, "key");
}

static size_t count_records(void)
{
	size_t len = 0, count = 0;
	CLEANUP(free) char *text = file_read(directory_file(&directory, FIRST), 65536, &len);

	for (size_t i = 0; text && i < len; i++)
		count += text[i] == '\n';
	return count;
}

/* The first record. */
static json_t *read_record(void)
{
	size_t len = 0;
	CLEANUP(free) char *text = file_read(directory_file(&directory, FIRST), 65536, &len);

	assert_non_null(text);
	json_t *record = json_parse(bytes_of(text, strcspn(text, "\n")));

	assert_non_null(record);
	return record;
}

static void a_signature_is_recorded_with_all_that_is_asked_of_it(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);

	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);

	CLEANUP(json) json_t *record = read_record();

	assert_string_equal(json_text(record, "event"), "sign");
	assert_string_equal(json_text(record, "token"), "0123456789ABCDEF");
	assert_string_equal(json_text(record, "label"), "key");
	assert_string_equal(json_text(record, "id"), "31");
	assert_string_equal(json_text(record, "mechanism"), "0x1041");
	assert_string_equal(json_text(record, "input"), HASH_ABC);
	assert_string_equal(json_text(record, "verdict"), "allowed");
	assert_int_equal(json_integer_value(json_object_get(record, "uid")), 1000);
	assert_int_equal(json_integer_value(json_object_get(record, "n")), 1);
}

static void parts_are_recorded_as_the_whole(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	Call call = { .function = Function_C_SignInit,
		.handle = 5,
		.object = key,
		.has_mechanism = true,
		.mechanism = CKM_ECDSA_SHA256 };

	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OK);
	call = (Call){ .function = Function_C_SignUpdate, .handle = 5, .data = bytes_of("ab", 2) };
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OK);
	call.data = bytes_of("c", 1);
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OK);
	call = (Call){
		.function = Function_C_SignFinal, .handle = 5, .has_room = true, .room = 100
	};
	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OK);

	CLEANUP(json) json_t *record = read_record();

	assert_string_equal(json_text(record, "input"), HASH_ABC);
	assert_int_equal(count_records(), 1);
}

static void a_question_for_the_length_is_no_use_of_the_key(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);
	Call call = { .function = Function_C_Sign,
		.handle = 5,
		.object = key,
		.has_mechanism = true,
		.mechanism = CKM_ECDSA,
		.data = bytes_of_text("abc") };

	assert_int_equal(fixture_call(fixture, fixture->a, call), CKR_OK);

	assert_int_equal(count_records(), 0);
}

static void without_a_record_the_key_is_not_used(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);

	(void)directory_write(&directory, "audit", "in the way");
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_DEVICE_ERROR);

	assert_int_equal(mock.signs, 0);
	assert_int_equal(fixture->told[LINK_RECORD], 1);
	assert_string_equal(fixture->last[LINK_RECORD].serial, "0123456789ABCDEF");
	assert_true(fixture->last[LINK_RECORD].text[0] != '\0');
	assert_int_equal(unlink(directory_file(&directory, "audit")), 0);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
	assert_int_equal(count_records(), 1);
}

static void a_plain_key_is_not_recorded_by_default(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);

	configure(fixture, "", RECORD_POLICY);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);

	assert_int_equal(count_records(), 0);
}

static void what_is_said_of_the_token_counts_more(void **state)
{
	struct fixture *fixture = *state;
	CK_OBJECT_HANDLE key = prepare(fixture);

	configure(fixture, "0123456789ABCDEF", RECORD_NONE);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
	assert_int_equal(count_records(), 0);
	configure(fixture, "", RECORD_NONE);
	configure(fixture, "0123456789ABCDEF", RECORD_ALL);
	assert_int_equal(fixture_sign(fixture, fixture->a, 5, key), CKR_OK);
	assert_int_equal(count_records(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_signature_is_recorded_with_all_that_is_asked_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_are_recorded_as_the_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_question_for_the_length_is_no_use_of_the_key, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_a_record_the_key_is_not_used, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_plain_key_is_not_recorded_by_default, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_said_of_the_token_counts_more, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
