/* SPDX-License-Identifier: Apache-2.0 */
/* The tools of the fault table: files, processes, and calls on the shared session. */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 30 };

struct fault_state fault;

void fault_must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
	exit(2);
}

bool fault_await(bool (*is_so)(const void *), const void *context)
{
	const struct timespec moment = { 0, 2 * 1000 * 1000 };
	time_t give_up = time(NULL) + PATIENCE_SECONDS;

	while (!is_so(context)) {
		if (time(NULL) > give_up)
			return false;
		(void)nanosleep(&moment, NULL);
	}
	return true;
}

static const char *path_of(const char *folder, const char *name, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/%s/%s", fault.work, folder, name);
	return path;
}

void fault_set(const char *name)
{
	char path[PATH_MAX];
	int fd = open(path_of("faulty", name, path), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	fault_must(fd >= 0 && close(fd) == 0, path);
}

void fault_clear(const char *name)
{
	char path[PATH_MAX];

	fault_must(unlink(path_of("faulty", name, path)) == 0 || errno == ENOENT, path);
}

size_t fault_count(const char *name)
{
	struct stat status = { 0 };
	char path[PATH_MAX];

	return stat(path_of("faulty", name, path), &status) == 0 ? (size_t)status.st_size : 0;
}

static bool file_is_there(const void *name)
{
	return fault_count(name) > 0;
}

void fault_await_file(const char *name)
{
	fault_must(fault_await(file_is_there, name), name);
	fault_clear(name);
}

static bool agent_listens(const void *unused)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unused;
	(void)snprintf(
		address.sun_path, sizeof(address.sun_path), "%s", getenv("IOTHSM_AGENT_SOCKET"));
	bool listens =
		fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd >= 0)
		(void)close(fd);
	return listens;
}

void fault_start_agent(const char *program, const char *configuration)
{
	char binary[PATH_MAX], file[PATH_MAX], log[PATH_MAX];

	(void)snprintf(binary, sizeof(binary), "%s/%s", fault.bin, program);
	(void)path_of(".", configuration, file);
	int fd = open(
		path_of(".", "agent.log", log), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

	fault_must(fd >= 0, log);
	fault.agent = fork();
	if (fault.agent == 0) {
		(void)dup2(fd, STDERR_FILENO);
		(void)execl(binary, program, "-c", file, (char *)NULL);
		_exit(127);
	}
	(void)close(fd);
	fault_must(fault.agent > 0 && fault_await(agent_listens, NULL), "the agent does not start");
}

void fault_end_agent(int signal)
{
	fault_must(kill(fault.agent, signal) == 0 && waitpid(fault.agent, NULL, 0) == fault.agent,
		"the agent does not end");
	fault.agent = 0;
}

/* The agent's newest child; its older ones may be ending. */
static pid_t find_host(void)
{
	char path[64];
	long pid = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)fault.agent,
		(int)fault.agent);
	FILE *file = fopen(path, "r");

	fault_must(file != NULL, path);
	while (fscanf(file, "%ld", &pid) == 1)
		continue;
	(void)fclose(file);
	return (pid_t)pid;
}

static bool host_is_there(const void *unused)
{
	(void)unused;
	return find_host() > 0;
}

pid_t fault_host(void)
{
	fault_must(fault_await(host_is_there, NULL), "no token host");
	return find_host();
}

static bool is_gone(const void *pid)
{
	return kill(*(const pid_t *)pid, 0) != 0;
}

void fault_kill_host(void)
{
	pid_t host = fault_host();

	fault_must(kill(host, SIGKILL) == 0 && fault_await(is_gone, &host), "kill the host");
}

size_t fault_times_said(const char *text)
{
	char path[PATH_MAX], line[2048];
	FILE *log = fopen(path_of(".", "agent.log", path), "r");
	size_t times = 0;

	fault_must(log != NULL, path);
	while (fgets(line, sizeof(line), log))
		times += strstr(line, text) != NULL;
	(void)fclose(log);
	return times;
}

struct saying {
	const char *text;
	size_t times;
};

static bool is_said(const void *context)
{
	const struct saying *saying = context;

	return fault_times_said(saying->text) >= saying->times;
}

bool fault_agent_says(const char *text, size_t times)
{
	const struct saying saying = { text, times };

	return fault_await(is_said, &saying);
}

/* The only slot whose token is initialised. */
CK_RV fault_find_slot(void)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = 16;
	CK_TOKEN_INFO info;
	CK_RV rv = fault.p11->C_GetSlotList(CK_TRUE, slots, &count);

	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
		if (fault.p11->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
			!(info.flags & CKF_TOKEN_INITIALIZED))
			continue;
		fault.slot = slots[i];
		return CKR_OK;
	}
	return rv == CKR_OK ? CKR_TOKEN_NOT_PRESENT : rv;
}

CK_RV fault_login(void)
{
	return fault.p11->C_Login(
		fault.session, CKU_USER, fault.pin, fault.pin ? strlen((char *)fault.pin) : 0);
}

CK_RV fault_find_key(void)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG count = 0;
	CK_RV rv = fault.p11->C_FindObjectsInit(fault.session, &template, 1);

	if (rv == CKR_OK)
		rv = fault.p11->C_FindObjects(fault.session, &fault.key, 1, &count);
	if (rv == CKR_OK)
		rv = fault.p11->C_FindObjectsFinal(fault.session);
	return rv == CKR_OK && count != 1 ? CKR_KEY_HANDLE_INVALID : rv;
}

CK_RV fault_sign(void)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_BYTE data[32] = { 1 };
	CK_BYTE signature[64];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = fault.p11->C_SignInit(fault.session, &mechanism, fault.key);

	return rv == CKR_OK ? fault.p11->C_Sign(fault.session, data, sizeof(data), signature, &len)
			    : rv;
}

CK_RV fault_login_and_sign(void)
{
	CK_RV rv = fault_login();

	return rv == CKR_OK ? fault_sign() : rv;
}

CK_RV fault_open(void)
{
	CK_RV rv = fault.p11->C_OpenSession(
		fault.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &fault.session);

	if (rv == CKR_OK)
		rv = fault_login();
	if (rv == CKR_OK)
		rv = fault_find_key();
	return rv == CKR_OK ? fault_sign() : rv;
}

static pthread_t signer;
static CK_RV signed_with;

static void *sign_in_thread(void *unused)
{
	signed_with = fault_sign();
	return unused;
}

void fault_begin_sign(void)
{
	fault_clear("C_Sign.met");
	fault_set("C_Sign.hang");
	fault_must(pthread_create(&signer, NULL, sign_in_thread, NULL) == 0, "a thread");
	fault_await_file("C_Sign.met");
}

CK_RV fault_end_sign(void)
{
	fault_clear("C_Sign.hang");
	fault_must(pthread_join(signer, NULL) == 0, "a thread");
	return signed_with;
}

CK_RV fault_newcomer(void)
{
	return fault_result_of(fault_start_newcomer());
}

int fault_exit_status(CK_RV rv)
{
	return rv > 0xFF ? 0xFF : (int)rv;
}

/* After fork() the child's module is not initialised any more, whatever the parent's does. */
static CK_RV live(void)
{
	CK_RV rv = fault.p11->C_Initialize(NULL);

	if (rv == CKR_OK)
		rv = fault_find_slot();
	if (rv == CKR_OK)
		rv = fault_open();
	return rv;
}

pid_t fault_start_newcomer(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(fault_exit_status(live()));
	fault_must(child > 0, "fork");
	return child;
}

CK_RV fault_result_of(pid_t child)
{
	int status = 0;

	fault_must(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? (CK_RV)WEXITSTATUS(status) : CKR_VENDOR_DEFINED;
}
