/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "settings.h"
#include "support/directory.h"

#define BACKEND "backend \"b\" { type = pkcs11 module = \"/lib/x.so\" }\n"

static struct directory directory;

static int make(void **state)
{
	(void)state;
	directory_make(&directory);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	directory_remove(&directory);
	return 0;
}

static struct settings *load(const char *text)
{
	return settings_load(directory_write(&directory, "agent.conf", text));
}

/* What the agent says about a file that it refuses. */
static const char *complaint(const char *text)
{
	static char said[1024];
	const char *path = directory_write(&directory, "agent.conf", text);
	int former = dup(STDERR_FILENO);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	struct settings *settings = settings_load(path);
	(void)dup2(former, STDERR_FILENO);
	ssize_t len = read(ends[0], said, sizeof(said) - 1);

	(void)close(former);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_null(settings);
	said[len > 0 ? len : 0] = '\0';
	return said;
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not said by: %s", part, text);
}

static void everything_is_read(void **state)
{
	static const struct token_name token = { "one", "007", NULL };
	(void)state;

	struct settings *settings =
		load("socket = \"/a/sock\"\nstate = \"/a/state\"\nlibexec = \"/a/libexec\"\n"
		     "backend \"one\" { type = pkcs11 module = \"/m\" env = {\"A=1\", \"B=2\"} "
		     "threads = "
		     "serial memory = 64 }\nbackend \"two\" { type = piv }\n"
		     "token \"007\" { pin_file = \"/p\" so_pin_file = \"/q\" pin_users = "
		     "{\"root\", \"12\"} }\n"
		     "rights \"r\" { users = {\"root\"} groups = {5} tokens = {\"007\"} allow = "
		     "{use, so} }\n");

	assert_non_null(settings);
	assert_string_equal(settings->socket, "/a/sock");
	assert_string_equal(settings->libexec, "/a/libexec");
	assert_int_equal(settings->backend_count, 2);
	assert_string_equal(settings->backends[0].env.items[1], "B=2");
	assert_true(settings->backends[0].serial);
	assert_int_equal(settings->backends[0].memory, 64 * 1024 * 1024);
	assert_string_equal(settings->backends[1].module, "");
	assert_true(settings_ids_contain(&settings->tokens[0].pin_users, 12));
	assert_string_equal(settings_find_token(settings, &token)->so_pin_file, "/q");
	assert_int_equal(settings->rights[0].allow,
		IOTHSM_RIGHT_USE | IOTHSM_RIGHT_SIGN | IOTHSM_RIGHT_DECRYPT | IOTHSM_RIGHT_SO);
	assert_int_equal(settings->rights[0].groups.items[0], 5);
	settings_free(settings);
}

static void defaults_are_those_of_an_installed_system(void **state)
{
	(void)state;

	struct settings *settings = load(BACKEND);

	assert_non_null(settings);
	assert_string_equal(settings->socket, "/run/iothsm/agent.sock");
	assert_string_equal(settings->state, "/var/lib/iothsm/agent");
	assert_null(settings->libexec);
	assert_false(settings->backends[0].serial);
	assert_int_equal(settings->backends[0].memory, 256 * 1024 * 1024);
	assert_true(settings_ids_contain(&settings->pin_users, 0));
	assert_true(settings_ids_contain(&settings->pin_users, geteuid()));
	settings_free(settings);
}

static void empty_list_of_pin_users_means_nobody(void **state)
{
	(void)state;

	struct settings *settings = load(BACKEND "token \"1\" { pin_users = {} }\n");

	assert_non_null(settings);
	assert_int_equal(settings->tokens[0].pin_users.count, 0);
	settings_free(settings);
}

static void unknown_pin_user_is_left_out(void **state)
{
	(void)state;

	struct settings *settings =
		load(BACKEND "token \"1\" { pin_users = {\"no-such-user\", \"0\"} }\n");

	assert_non_null(settings);
	assert_int_equal(settings->tokens[0].pin_users.count, 1);
	settings_free(settings);
}

static void complaints_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ BACKEND "colour = red\n", "agent.conf:2: no such option 'colour'" },
		{ "\n\nsocket = \"relative\"\n" BACKEND, "agent.conf:3: socket: 'relative'" },
		{ "backend \"b\" { type = \"../x\" }\n", ":1: type: '../x'" },
		{ "backend \"b\" {\n type = pkcs11\n}\n", "'module'" },
		{ "backend \"b\" { module = \"/m\" }\n", "'type' is missing" },
		{ "backend \"b\" { type = piv call_timeout = 0 }\n", "call_timeout: 0" },
		{ "backend \"b\" { type = piv call_timeout = 51 }\n", "call_timeout: 51" },
		{ "backend \"b\" { type = piv memory = 63 }\n", "memory is 64" },
		{ "backend \"b\" { type = piv memory = -1 }\n", "memory is 64" },
		{ "backend \"b\" { type = piv threads = many }\n", "threads: 'many'" },
		{ "backend \"b\" { type = piv env = {\"X\"} }\n", "env: 'X'" },
		{ BACKEND "token \"12345678901234567\" { }\n", "token: the serial" },
		{ BACKEND "rights \"r\" { users = {\"no-such-user\"} allow = {use} }\n",
			":2: users: this system has no user 'no-such-user'" },
		{ BACKEND "rights \"r\" { groups = {\"no-such-group\"} allow = {use} }\n",
			"no group 'no-such-group'" },
		{ BACKEND "rights \"r\" { allow = {everything} }\n", "allow: 'everything'" },
		{ BACKEND "rights \"r\" { users = {0} }\n", "'allow' is missing" },
		{ BACKEND BACKEND, "title" },
		{ "", "no backend is configured" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_says(complaint(cases[i].text), cases[i].part);
}

static void missing_file_is_named(void **state)
{
	(void)state;

	assert_null(settings_load("/nonexistent/agent.conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_is_read, make, drop),
		cmocka_unit_test_setup_teardown(
			defaults_are_those_of_an_installed_system, make, drop),
		cmocka_unit_test_setup_teardown(empty_list_of_pin_users_means_nobody, make, drop),
		cmocka_unit_test_setup_teardown(unknown_pin_user_is_left_out, make, drop),
		cmocka_unit_test_setup_teardown(complaints_name_file_line_and_key, make, drop),
		cmocka_unit_test(missing_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
