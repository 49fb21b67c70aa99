/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "control.h"
#include "json.h"
#include "support/directory.h"

struct fixture {
	struct directory directory;
	char path[128];
	struct control *control;
	int client;
};

static json_t *answer(void *context, const json_t *request)
{
	const char *op = json_text(request, "op");

	(void)context;
	return control_reply(op != NULL, op ? op : "none", NULL);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_non_null(fixture);
	directory_make(&fixture->directory);
	(void)strcpy(fixture->path, directory_file(&fixture->directory, "control.sock"));
	fixture->control = control_open(fixture->path, answer, NULL);
	assert_non_null(fixture->control);
	fixture->client = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", fixture->path);
	assert_int_equal(connect(fixture->client, (struct sockaddr *)&address, sizeof(address)), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	(void)close(fixture->client);
	control_close(fixture->control);
	directory_remove(&fixture->directory);
	free(fixture);
	return 0;
}

static void turn(struct control *control)
{
	struct pollfd fds[CONTROL_CLIENTS_MAX + 1];
	size_t count = control_prepare(control, fds);

	assert_true(poll(fds, count, 0) >= 0);
	control_handle(control, fds, count);
}

static size_t exchange(struct fixture *fixture, const char *text, char *reply, size_t max)
{
	assert_int_equal(write(fixture->client, text, strlen(text)), strlen(text));
	for (int i = 0; i < 4; i++)
		turn(fixture->control);
	ssize_t got = recv(fixture->client, reply, max - 1, MSG_DONTWAIT);

	reply[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static void each_line_is_answered_by_one(void **state)
{
	char reply[512];

	(void)exchange(*state, "{\"op\":\"a\"}\n{\"op\":\"b\"}\n{\"op\":", reply, sizeof(reply));
	assert_string_equal(reply, "{\"success\":true,\"message\":\"a\",\"data\":null}\n"
				   "{\"success\":true,\"message\":\"b\",\"data\":null}\n");
}

static void what_is_no_object_is_said_to_be_none(void **state)
{
	char reply[512];

	(void)exchange(*state, "[1]\nnonsense\n", reply, sizeof(reply));
	assert_string_equal(reply,
		"{\"success\":false,\"message\":\"a line must be one JSON object\",\"data\":null}\n"
		"{\"success\":false,\"message\":\"a line must be one JSON "
		"object\",\"data\":null}\n");
}

static void endless_line_ends_the_connection(void **state)
{
	struct fixture *fixture = *state;
	static char text[CONTROL_LINE_MAX + 1];
	char reply[16];

	memset(text, 'x', CONTROL_LINE_MAX);
	assert_int_equal(exchange(fixture, text, reply, sizeof(reply)), 0);
	assert_int_equal(recv(fixture->client, reply, sizeof(reply), MSG_DONTWAIT), 0);
}

static void socket_is_for_its_group_and_not_taken_twice(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	assert_null(control_open(fixture->path, answer, NULL));
}

static void leftover_socket_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(path, sizeof(path), "%s.old", fixture->path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(dead);
	struct control *control = control_open(path, answer, NULL);

	assert_non_null(control);
	control_close(control);
	assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_line_is_answered_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_object_is_said_to_be_none, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_line_ends_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(
			socket_is_for_its_group_and_not_taken_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(leftover_socket_is_replaced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
