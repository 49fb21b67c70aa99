/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "json.h"
#include "migrate_pins.h"

#define VECTORS TEST_DATA "/vectors/migration/"
#define DASHED  "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"

static char *read_pins(size_t *len)
{
	char *text = file_read(VECTORS "pins.hex", MIGRATE_PINS_TEXT_MAX, len);

	assert_non_null(text);
	return text;
}

static json_t *open_with(const char *machine, struct bytes text)
{
	struct secret secret = { 0 };
	const char *reason = NULL;

	assert_true(secret_set(&secret, bytes_of_text(machine)));
	json_t *pins = migrate_pins_open(text, &secret, &reason);

	if (!pins)
		assert_non_null(reason);
	secret_wipe(&secret);
	return pins;
}

static void file_of_an_appliance_opens_with_its_machine_id(void **state)
{
	struct secret machine = { 0 };
	const char *reason;
	size_t len = 0;
	size_t plain_len = 0;
	CLEANUP(free) char *text = read_pins(&len);
	CLEANUP(free)
	char *plain = file_read(VECTORS "pins_plain.json", MIGRATE_PINS_TEXT_MAX, &plain_len);
	CLEANUP(json) json_t *wanted = json_parse(bytes_of(plain, plain_len));

	assert_true(migrate_pins_read_machine(&machine, VECTORS "machine-id"));
	json_t *pins = migrate_pins_open(bytes_of(text, len), &machine, &reason);

	assert_true(json_equal(pins, wanted));
	assert_string_equal(
		migrate_pins_text(json_object_get(pins, "29494994"), "USERPIN"), "654321");
	migrate_pins_wipe(pins);
	secret_wipe(&machine);
	(void)state;
}

static void line_end_behind_the_hex_does_not_matter(void **state)
{
	size_t len = 0;
	CLEANUP(free) char *text = read_pins(&len);
	char longer[1024];

	(void)snprintf(longer, sizeof(longer), "%s\r\n", text);
	json_t *pins = open_with(DASHED, bytes_of_text(longer));

	assert_non_null(pins);
	migrate_pins_wipe(pins);
	(void)state;
}

static void another_machine_id_does_not_open_it(void **state)
{
	size_t len = 0;
	CLEANUP(free) char *text = read_pins(&len);

	assert_null(open_with("0f1e2d3c4b5a69788796a5b4c3d2e1f0", bytes_of(text, len)));
	(void)state;
}

static void every_damaged_byte_and_every_cut_is_noticed(void **state)
{
	size_t len = 0;
	CLEANUP(free) char *text = read_pins(&len);
	const size_t places[] = { 0, 64 * 2, 80 * 2, 96 * 2, len - 1 };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char before = text[places[i]];

		text[places[i]] = before == '0' ? '1' : '0';
		assert_null(open_with(DASHED, bytes_of(text, len)));
		text[places[i]] = before;
	}
	const size_t cuts[] = { 0, 1, 96 * 2, 97 * 2, len - 1, len - 2 };

	for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
		assert_null(open_with(DASHED, bytes_of(text, cuts[i])));
	text[5] = 'x';
	assert_null(open_with(DASHED, bytes_of(text, len)));
	(void)state;
}

static void machine_id_gets_dashes_and_other_texts_stay(void **state)
{
	static const struct {
		const char *text;
		const char *secret;
	} forms[] = {
		{ "0f1e2d3c4b5a69788796a5b4c3d2e1f0\n", DASHED },
		{ DASHED "\n", DASHED },
		{ "what .nodemid holds", "what .nodemid holds" },
		{ "0f1e2d3c4b5a69788796a5b4c3d2e1f", "0f1e2d3c4b5a69788796a5b4c3d2e1f" },
	};
	char path[] = "/tmp/iothsm-machine.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	(void)close(fd);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct secret machine = { 0 };

		assert_true(file_replace(path, bytes_of_text(forms[i].text), 0600));
		assert_true(migrate_pins_read_machine(&machine, path));
		assert_true(bytes_equal(secret_bytes(&machine), bytes_of_text(forms[i].secret)));
		secret_wipe(&machine);
	}
	(void)unlink(path);
	(void)state;
}

static void what_is_no_pin_is_not_taken_for_one(void **state)
{
	CLEANUP(json)
	json_t *token = json_pack("{s:s, s:s, s:b, s:i, s:s, s:s}", "good", "1234", "empty", "",
		"bool", 0, "number", 1234, "word", "false", "lines", "12\n34");

	assert_string_equal(migrate_pins_text(token, "good"), "1234");
	assert_null(migrate_pins_text(token, "empty"));
	assert_null(migrate_pins_text(token, "bool"));
	assert_null(migrate_pins_text(token, "number"));
	assert_null(migrate_pins_text(token, "word"));
	assert_null(migrate_pins_text(token, "lines"));
	assert_null(migrate_pins_text(token, "missing"));
	assert_null(migrate_pins_text(NULL, "missing"));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_of_an_appliance_opens_with_its_machine_id),
		cmocka_unit_test(line_end_behind_the_hex_does_not_matter),
		cmocka_unit_test(another_machine_id_does_not_open_it),
		cmocka_unit_test(every_damaged_byte_and_every_cut_is_noticed),
		cmocka_unit_test(machine_id_gets_dashes_and_other_texts_stay),
		cmocka_unit_test(what_is_no_pin_is_not_taken_for_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
