/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_uri.h"

static void printed_token_uri_escapes_what_is_reserved(void **state)
{
	struct cli_uri uri = { .token = "my token;1", .serial = "00ff", .model = "SoftHSM v2" };
	char text[CLI_URI_MAX];

	(void)state;
	assert_true(cli_uri_print(&uri, NULL, text));

	assert_string_equal(text, "pkcs11:model=SoftHSM%20v2;serial=00ff;token=my%20token%3B1");
}

static void printed_object_uri_escapes_every_byte_of_the_id(void **state)
{
	struct cli_uri uri = { .serial = "1", .object = "demo", .id = { 0x07, 'a' }, .id_len = 2 };
	char text[CLI_URI_MAX];

	(void)state;
	assert_true(cli_uri_print(&uri, "private", text));

	assert_string_equal(text, "pkcs11:serial=1;id=%07%61;object=demo;type=private");
}

static void what_is_printed_is_read_back(void **state)
{
	struct cli_uri uri = { .token = "\xC3\xBC /?#;=",
		.serial = "x",
		.id = { 0, 255 },
		.id_len = 2 },
		       back;
	char text[CLI_URI_MAX];
	const char *why;

	(void)state;
	assert_true(cli_uri_print(&uri, NULL, text));
	assert_true(cli_uri_parse(text, &back, &why));

	assert_memory_equal(&back, &uri, sizeof(uri));
}

static void too_long_a_uri_is_not_printed(void **state)
{
	struct cli_uri uri = { .id_len = CLI_URI_VALUE_MAX };
	char text[CLI_URI_MAX];

	(void)state;
	memset(uri.token, ' ', CLI_URI_VALUE_MAX);
	memset(uri.model, ' ', CLI_URI_VALUE_MAX);

	assert_false(cli_uri_print(&uri, NULL, text));
}

static void bad_uris_are_refused_with_a_reason(void **state)
{
	static const char *const bad[] = { "pkcs:token=x", "pkcs11:token", "pkcs11:token=%4",
		"pkcs11:token=%zz", "pkcs11:token=a%00b", "pkcs11:colour=red",
		"pkcs11:token=x?pin-value=1234", "pkcs11:=x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cli_uri uri;
		const char *why = NULL;

		assert_false(cli_uri_parse(bad[i], &uri, &why));
		assert_non_null(why);
	}
}

static void value_of_more_than_the_maximum_is_refused(void **state)
{
	char text[CLI_URI_VALUE_MAX + 32] = "pkcs11:serial=";
	struct cli_uri uri;
	const char *why;

	(void)state;
	memset(text + strlen(text), 'a', CLI_URI_VALUE_MAX + 1);

	assert_false(cli_uri_parse(text, &uri, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_token_uri_escapes_what_is_reserved),
		cmocka_unit_test(printed_object_uri_escapes_every_byte_of_the_id),
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(too_long_a_uri_is_not_printed),
		cmocka_unit_test(bad_uris_are_refused_with_a_reason),
		cmocka_unit_test(value_of_more_than_the_maximum_is_refused),
	};

	return cmocka_run_group_tests_name("cli_uri", tests, NULL, NULL);
}
