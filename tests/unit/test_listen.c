/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "listen.h"
#include "support/directory.h"

static struct directory directory;
static char path[128];

static int make(void **state)
{
	(void)state;
	directory_make(&directory);
	(void)strcpy(path, directory_file(&directory, "sock"));
	return 0;
}

static int drop(void **state)
{
	(void)state;
	directory_remove(&directory);
	return 0;
}

static int bind_to(const char *name, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	size_t len = strlen(name);

	memcpy(address.sun_path, name, len);
	if (*name == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	return fd;
}

static void socket_is_for_user_and_group_alone(void **state)
{
	struct stat status;
	bool ours = false;
	(void)state;

	int fd = listen_open(path, &ours);

	assert_true(fd >= 0 && ours);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	listen_close(fd, path, ours);
	assert_int_equal(stat(path, &status), -1);
}

static void stale_socket_is_replaced(void **state)
{
	bool ours = false;
	(void)state;
	(void)close(bind_to(path, SOCK_STREAM));

	int fd = listen_open(path, &ours);

	assert_true(fd >= 0);
	listen_close(fd, path, ours);
}

static void socket_that_somebody_answers_is_left_alone(void **state)
{
	struct stat status;
	bool ours = false;
	int other = listen_open(path, &ours);
	(void)state;

	assert_int_equal(listen_open(path, &ours), -1);

	assert_int_equal(stat(path, &status), 0);
	listen_close(other, path, ours);
}

static void file_of_another_kind_is_left_alone(void **state)
{
	struct stat status;
	bool ours = false;
	(void)state;
	(void)directory_write(&directory, "sock", "precious");

	assert_int_equal(listen_open(path, &ours), -1);

	assert_int_equal(stat(path, &status), 0);
	assert_true(S_ISREG(status.st_mode));
}

static void missing_directory_is_an_error(void **state)
{
	bool ours = false;
	(void)state;

	assert_int_equal(listen_open("/nonexistent/sock", &ours), -1);
}

/* In a child, since the descriptor has to be number 3 and the environment changes. */
static int open_as_activated(int fd, const char *count)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		char self[16];
		bool ours = true;

		(void)snprintf(self, sizeof(self), "%d", (int)getpid());
		(void)setenv("LISTEN_PID", self, 1);
		(void)setenv("LISTEN_FDS", count, 1);
		(void)dup2(fd, 3);
		int got = listen_open("/nonexistent/sock", &ours);

		_exit(got == 3 && !ours ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void socket_of_systemd_is_used(void **state)
{
	int fd = bind_to(path, SOCK_STREAM);
	(void)state;
	assert_int_equal(listen(fd, 1), 0);

	assert_int_equal(open_as_activated(fd, "1"), 0);

	assert_int_not_equal(open_as_activated(fd, "2"), 0);
	(void)close(fd);
}

static void descriptor_that_does_not_listen_is_refused(void **state)
{
	int fd = bind_to(path, SOCK_DGRAM);
	(void)state;

	assert_int_not_equal(open_as_activated(fd, "1"), 0);

	(void)close(fd);
}

static void assert_notified(const char *name)
{
	char said[32] = { 0 };
	int fd = bind_to(name, SOCK_DGRAM);

	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	listen_notify("READY=1");
	assert_int_equal(recv(fd, said, sizeof(said) - 1, MSG_DONTWAIT), 7);
	assert_string_equal(said, "READY=1");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	(void)close(fd);
}

static void systemd_is_told_at_a_path_or_an_abstract_name(void **state)
{
	char abstract[64];
	(void)state;
	(void)snprintf(abstract, sizeof(abstract), "@iothsm-test-%d", (int)getpid());

	assert_notified(path);
	assert_notified(abstract);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(socket_is_for_user_and_group_alone, make, drop),
		cmocka_unit_test_setup_teardown(stale_socket_is_replaced, make, drop),
		cmocka_unit_test_setup_teardown(
			socket_that_somebody_answers_is_left_alone, make, drop),
		cmocka_unit_test_setup_teardown(file_of_another_kind_is_left_alone, make, drop),
		cmocka_unit_test(missing_directory_is_an_error),
		cmocka_unit_test_setup_teardown(socket_of_systemd_is_used, make, drop),
		cmocka_unit_test_setup_teardown(
			descriptor_that_does_not_listen_is_refused, make, drop),
		cmocka_unit_test_setup_teardown(
			systemd_is_told_at_a_path_or_an_abstract_name, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
