/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked over HTTP, well or badly, and its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "scrape.h"
#include "support/directory.h"

struct fixture {
	struct directory directory;
	char address[160];
	struct scrape *scrape;
	int client;
	bool dumb;
};

static char *answer(void *context)
{
	const struct fixture *fixture = context;

	return fixture->dumb ? NULL : strdup("a_total 1\n");
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_non_null(fixture);
	directory_make(&fixture->directory);
	(void)snprintf(fixture->address, sizeof(fixture->address), "unix:%.120s",
		directory_file(&fixture->directory, "metrics.sock"));
	fixture->scrape = scrape_open(fixture->address, "text/test", answer, fixture);
	assert_non_null(fixture->scrape);
	fixture->client = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", fixture->address + 5);
	assert_int_equal(connect(fixture->client, (struct sockaddr *)&address, sizeof(address)), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	(void)close(fixture->client);
	scrape_close(fixture->scrape);
	directory_remove(&fixture->directory);
	free(fixture);
	return 0;
}

static void turn(struct scrape *scrape)
{
	struct pollfd fds[SCRAPE_CLIENTS_MAX + 1];
	size_t count = scrape_prepare(scrape, fds);

	assert_true(poll(fds, count, 0) >= 0);
	scrape_handle(scrape, fds, count);
}

static const char *exchange(struct fixture *fixture, const char *request)
{
	static char reply[512];

	assert_int_equal(
		send(fixture->client, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	for (int i = 0; i < 4; i++)
		turn(fixture->scrape);
	ssize_t got = recv(fixture->client, reply, sizeof(reply) - 1, MSG_DONTWAIT);

	reply[got > 0 ? got : 0] = '\0';
	return reply;
}

static void metrics_are_given_once_and_the_connection_ends(void **state)
{
	struct fixture *fixture = *state;
	char end;

	const char *reply = exchange(fixture, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");

	assert_string_equal(reply, "HTTP/1.0 200 OK\r\nContent-Type: text/test\r\n"
				   "Content-Length: 10\r\nAllow: GET\r\nConnection: close\r\n\r\n"
				   "a_total 1\n");
	assert_int_equal(recv(fixture->client, &end, 1, MSG_DONTWAIT), 0);
}

static void request_may_come_in_parts(void **state)
{
	assert_string_equal(exchange(*state, "GET /metrics HT"), "");
	assert_non_null(strstr(exchange(*state, "TP/1.0\r\n\r\n"), " 200 OK\r\n"));
}

static void other_path_is_not_found(void **state)
{
	assert_non_null(strstr(exchange(*state, "GET /metricsx HTTP/1.0\r\n\r\n"), " 404 "));
}

static void other_method_is_refused(void **state)
{
	assert_non_null(strstr(exchange(*state, "POST /metrics HTTP/1.0\r\n\r\n"), " 405 "));
}

static void nothing_to_say_is_said(void **state)
{
	struct fixture *fixture = *state;

	fixture->dumb = true;
	assert_non_null(strstr(exchange(fixture, "GET /metrics HTTP/1.0\r\n\r\n"), " 503 "));
}

static void endless_request_ends_the_connection(void **state)
{
	static char text[SCRAPE_REQUEST_MAX + 1];
	struct fixture *fixture = *state;
	char end;

	memset(text, 'x', SCRAPE_REQUEST_MAX);
	assert_string_equal(exchange(fixture, text), "");
	assert_int_equal(recv(fixture->client, &end, 1, MSG_DONTWAIT), 0);
}

static void address_in_use_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_null(scrape_open(fixture->address, "text/test", answer, fixture));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			metrics_are_given_once_and_the_connection_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(request_may_come_in_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(other_path_is_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(other_method_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_to_say_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(
			endless_request_ends_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(address_in_use_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
