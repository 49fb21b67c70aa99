/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage.h"
#include "support/directory.h"

enum { SERIAL = 0x4A, FLAGS = 0x4B, SO = 0x4C, USER = 0x4D };

struct object {
	uint8_t data[512];
	size_t len;
};

static void add_number(struct object *object, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		object->data[object->len++] = (uint8_t)(number >> shift);
}

static void add_text(struct object *object, unsigned type, const char *text)
{
	add_number(object, 0x80005300UL | type);
	add_number(object, 3);
	add_number(object, strlen(text));
	memcpy(object->data + object->len, text, strlen(text));
	object->len += strlen(text);
}

static struct object object_of(const char *serial, const char *so, const char *user)
{
	struct object object = { .len = 0 };

	add_number(&object, 7);
	add_text(&object, SERIAL, serial);
	add_number(&object, 0x80005300UL | FLAGS);
	add_number(&object, 2);
	add_number(&object, 0x42d);
	add_text(&object, SO, so);
	add_text(&object, USER, user);
	return object;
}

static bool parse(const struct object *object, struct storage_token *token)
{
	return storage_parse(bytes_of(object->data, object->len), token);
}

static void token_has_its_serial(void **state)
{
	struct object object = object_of("0123456789abcdef", "so", "user");
	struct storage_token token;

	(void)state;
	assert_true(parse(&object, &token));

	assert_string_equal(token.serial, "0123456789abcdef");
}

static void changed_pin_is_another_edition_of_the_same_token(void **state)
{
	struct object before = object_of("01", "so", "user");
	struct object after = object_of("01", "so", "else");
	struct storage_token a, b;

	(void)state;
	assert_true(parse(&before, &a));
	assert_true(parse(&after, &b));

	assert_string_equal(a.serial, b.serial);
	assert_true(a.edition != b.edition);
}

static void counted_wrong_pin_is_the_same_edition(void **state)
{
	struct object before = object_of("01", "so", "user");
	struct object after = before;
	struct storage_token a, b;

	(void)state;
	after.data[8 + 26 + 8 + 8 + 7] ^= 1; /* the last byte of the flags */
	assert_true(parse(&before, &a));
	assert_true(parse(&after, &b));

	assert_true(a.edition == b.edition);
}

static void file_that_ends_early_is_refused_wherever_it_ends(void **state)
{
	struct object object = object_of("01", "so", "user");
	size_t complete = object.len - strlen("user") - 3 * 8;
	struct storage_token token;

	(void)state;
	for (size_t len = 0; len < object.len; len++)
		if (len != complete) /* there the user PIN is just not set */
			assert_false(storage_parse(bytes_of(object.data, len), &token));
}

static void token_without_an_so_pin_is_not_complete(void **state)
{
	struct object object = { .len = 0 };
	struct storage_token token;

	(void)state;
	add_number(&object, 1);
	add_text(&object, SERIAL, "01");

	assert_false(parse(&object, &token));
}

static void serial_that_is_too_long_is_refused(void **state)
{
	struct object object = object_of("0123456789abcdef0", "so", "user");
	struct storage_token token;

	(void)state;
	assert_false(parse(&object, &token));
}

static void write_token(struct directory *directory, const char *name, const struct object *object)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s/token.object", directory->path, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(object->data, 1, object->len, file), object->len);
	assert_int_equal(fclose(file), 0);
}

static void directory_is_the_set_of_its_tokens(void **state)
{
	struct object one = object_of("01", "so", "user"), two = object_of("02", "so", "user");
	struct storage before, after;

	write_token(*state, "one", &one);
	assert_true(storage_read(((struct directory *)*state)->path, &before));
	write_token(*state, "two", &two);
	assert_true(storage_read(((struct directory *)*state)->path, &after));

	assert_int_equal(before.count, 1);
	assert_int_equal(after.count, 2);
	assert_true(storage_is_same(&before, &before));
	assert_false(storage_is_same(&before, &after));
}

static void followed_change_is_no_difference_and_hides_no_other(void **state)
{
	struct storage before = { .count = 2, .tokens = { { "01", 1 }, { "02", 2 } } };
	struct storage own = { .count = 2, .tokens = { { "02", 2 }, { "01", 9 } } };
	struct storage both = { .count = 2, .tokens = { { "02", 3 }, { "01", 9 } } };
	struct storage known = before;

	(void)state;
	storage_follow(&known, &own, "01");
	assert_true(storage_is_same(&known, &own));
	assert_false(storage_is_same(&known, &both));
	known = before;
	storage_follow(&known, &both, "01");
	assert_false(storage_is_same(&known, &both));
}

static void followed_tokens_come_and_go(void **state)
{
	struct storage known = { .count = 1, .tokens = { { "01", 1 } } };
	struct storage now = { .count = 1, .tokens = { { "02", 2 } } };

	(void)state;
	storage_follow(&known, &now, "02");
	assert_int_equal(known.count, 2);
	storage_follow(&known, &now, "01");

	assert_true(storage_is_same(&known, &now));
}

static void half_written_token_makes_the_directory_unreadable(void **state)
{
	struct object half = object_of("01", "so", "user");
	struct storage storage;

	half.len = 30;
	write_token(*state, "one", &half);

	assert_false(storage_read(((struct directory *)*state)->path, &storage));
}

static void directory_is_found_in_the_configuration(void **state)
{
	char found[LINK_TEXT_MAX];

	(void)setenv("SOFTHSM2_CONF",
		directory_write(*state, "conf",
			"# directories.tokendir = /no\ndirectories.tokendir = /a b/tokens/ \n"),
		1);

	assert_true(storage_find(found, sizeof(found)));
	assert_string_equal(found, "/a b/tokens");
}

static void configuration_without_a_directory_names_none(void **state)
{
	char found[LINK_TEXT_MAX];

	(void)setenv("SOFTHSM2_CONF", directory_write(*state, "conf", "log.level = ERROR\n"), 1);

	assert_false(storage_find(found, sizeof(found)));
}

#define STORAGE_TEST(name)                                                                         \
	cmocka_unit_test_setup_teardown(name, directory_setup, directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_has_its_serial),
		cmocka_unit_test(changed_pin_is_another_edition_of_the_same_token),
		cmocka_unit_test(counted_wrong_pin_is_the_same_edition),
		cmocka_unit_test(file_that_ends_early_is_refused_wherever_it_ends),
		cmocka_unit_test(token_without_an_so_pin_is_not_complete),
		cmocka_unit_test(serial_that_is_too_long_is_refused),
		STORAGE_TEST(directory_is_the_set_of_its_tokens),
		cmocka_unit_test(followed_change_is_no_difference_and_hides_no_other),
		cmocka_unit_test(followed_tokens_come_and_go),
		STORAGE_TEST(half_written_token_makes_the_directory_unreadable),
		STORAGE_TEST(directory_is_found_in_the_configuration),
		STORAGE_TEST(configuration_without_a_directory_names_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
