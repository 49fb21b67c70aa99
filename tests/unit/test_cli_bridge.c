/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bytes.h"
#include "cleanup.h"
#include "cli_bridge.h"
#include "json.h"

struct place {
	char directory[32];
	char path[64]; /* of the control socket */
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	(void)strcpy(place->directory, "/tmp/iothsm-cli.XXXXXX");
	*state = place;
	if (!mkdtemp(place->directory))
		return -1;
	(void)snprintf(place->path, sizeof(place->path), "%s/control.sock", place->directory);
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;
	int removed;

	(void)unlink(place->path);
	removed = rmdir(place->directory);
	free(place);
	return removed;
}

static const char *place_path(void **state)
{
	return ((struct place *)*state)->path;
}

struct bridge {
	int listener;
	const char *answer;
	char question[128];
	pthread_t thread;
};

static void *bridge_answer(void *context)
{
	struct bridge *bridge = context;
	int fd = accept(bridge->listener, NULL, NULL);

	if (recv(fd, bridge->question, sizeof(bridge->question) - 1, 0) > 0)
		(void)send(fd, bridge->answer, strlen(bridge->answer), MSG_NOSIGNAL);
	(void)close(fd);
	return NULL;
}

static void bridge_start(struct bridge *bridge, const char *path, const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	*bridge = (struct bridge){ .listener = socket(AF_UNIX, SOCK_STREAM, 0), .answer = answer };
	assert_int_equal(bind(bridge->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(bridge->listener, 1), 0);
	assert_int_equal(pthread_create(&bridge->thread, NULL, bridge_answer, bridge), 0);
}

static void bridge_stop(struct bridge *bridge)
{
	(void)pthread_join(bridge->thread, NULL);
	(void)close(bridge->listener);
}

static void status_is_asked_in_one_line_and_answered(void **state)
{
	const char *path = place_path(state);
	CLEANUP(json) json_t *answer = NULL;
	struct bridge bridge;

	bridge_start(&bridge, path, "{\"success\":true,\"message\":\"fine\"}\n");
	answer = cli_bridge_ask(path, "status");
	bridge_stop(&bridge);

	assert_string_equal(bridge.question, "{\"op\":\"status\"}\n");
	assert_string_equal(json_text(answer, "message"), "fine");
}

static void answer_without_an_object_or_line_end_is_an_error(void **state)
{
	static const char *const answers[] = { "[1]\n", "no json\n", "{\"success\":true}" };
	const char *path = place_path(state);

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct bridge bridge;

		bridge_start(&bridge, path, answers[i]);
		assert_null(cli_bridge_ask(path, "status"));
		assert_int_equal(errno, EPROTO);
		bridge_stop(&bridge);
		assert_int_equal(unlink(path), 0);
	}
}

static void no_bridge_is_told_by_errno(void **state)
{
	assert_null(cli_bridge_ask(place_path(state), "status"));
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			status_is_asked_in_one_line_and_answered, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			answer_without_an_object_or_line_end_is_an_error, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			no_bridge_is_told_by_errno, place_make, place_remove),
	};

	return cmocka_run_group_tests_name("cli_bridge", tests, NULL, NULL);
}
