/* SPDX-License-Identifier: Apache-2.0 */
/* The agent as a process of a test, with fake token hosts, and a client that speaks frames to it.
 */
#include "agent_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_MS = 30 * 1000 };

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

static const char *path_of(const struct agent_process *agent, const char *name, char path[128])
{
	(void)snprintf(path, 128, "%s/%s", agent->directory, name);
	return path;
}

void agent_configure(struct agent_process *agent, const char *more)
{
	char path[128];
	FILE *file = fopen(path_of(agent, "agent.conf", path), "w");

	must(file != NULL, path);
	(void)fprintf(file,
		"socket = \"%s/sock\"\nstate = \"%s/state\"\nlibexec = \"%s\"\n"
		"backend \"fake\" { type = fake }\n%s",
		agent->directory, agent->directory, TEST_LIBEXEC, more);
	must(fclose(file) == 0, path);
}

bool agent_says(struct agent_process *agent, const char *text)
{
	char line[2048];
	size_t len = 0;

	while (true) {
		struct pollfd poll_log = { agent->log, POLLIN, 0 };

		must(poll(&poll_log, 1, DEADLINE_MS) == 1, text);
		ssize_t got = read(agent->log, line + len, 1);

		if (got <= 0)
			return false;
		if (line[len] != '\n' && len + 2 < sizeof(line)) {
			len++;
			continue;
		}
		line[len] = '\0';
		(void)fprintf(stderr, "    %s\n", line);
		if (strstr(line, text))
			return true;
		len = 0;
	}
}

bool agent_run(struct agent_process *agent)
{
	char path[128];
	int ends[2];

	must(pipe(ends) == 0, "pipe");
	(void)path_of(agent, "agent.conf", path);
	agent->pid = fork();
	if (agent->pid == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execl(TEST_AGENT, "iothsm-agent", "-f", "-c", path, (char *)NULL);
		_exit(127);
	}
	must(agent->pid > 0, "fork");
	(void)close(ends[1]);
	agent->log = ends[0];
	return agent_says(agent, "agent: ready");
}

void agent_start(struct agent_process *agent, const char *more)
{
	(void)strcpy(agent->directory, "/tmp/iothsm-test.XXXXXX");
	must(mkdtemp(agent->directory) != NULL, "mkdtemp");
	agent_configure(agent, more);
	must(agent_run(agent), "the agent does not start");
}

int agent_stop(struct agent_process *agent)
{
	int status = -1;

	if (agent->pid <= 0)
		return -1;
	(void)kill(agent->pid, SIGTERM);
	must(waitpid(agent->pid, &status, 0) == agent->pid, "waitpid");
	(void)close(agent->log);
	agent->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void agent_remove(struct agent_process *agent)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf -- '%s'", agent->directory);
	must(system(command) == 0, command);
}

int agent_connect(const struct agent_process *agent)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", agent->directory);
	must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
	return fd;
}

struct answer agent_call(int fd, const Call *call)
{
	static struct frame frame;
	static struct arena arena;
	int64_t deadline_ms = wire_now_ms() + DEADLINE_MS;
	struct answer answer = { .result = WIRE_BROKEN, .rv = CKR_DEVICE_ERROR };
	Reply reply;

	arena_reset(&arena);
	arena_init(&arena, 1024 * 1024);
	must(wire_encode_call(&frame, call), "encode");
	if (wire_send(fd, &frame, deadline_ms) != WIRE_DONE)
		return answer;
	answer.result = wire_receive(fd, &frame, deadline_ms);
	if (answer.result != WIRE_DONE)
		return answer;
	must(wire_decode_reply(bytes_of(frame.data, frame.len), &arena, &reply), "decode");
	answer.rv = reply.rv;
	answer.number = reply.number;
	answer.data = reply.data.data;
	answer.len = reply.data.len;
	return answer;
}

void client_open(struct test_client *client, const struct agent_process *agent)
{
	const Call hello = {
		.function = Function_HELLO, .number = WIRE_VERSION, .data2 = wire_abi()
	};

	client->agent = agent;
	client->control = agent_connect(agent);
	struct answer answer = agent_call(client->control, &hello);

	must(answer.rv == CKR_OK && answer.len == sizeof(client->id), "hello");
	memcpy(client->id, answer.data, sizeof(client->id));
}

/* As the module does: a host that is dying takes the connection with it, so it is tried again. */
struct answer client_connect(const struct test_client *client, CK_SLOT_ID slot, int *fd)
{
	const Call hello = { .function = Function_HELLO,
		.number = WIRE_VERSION,
		.handle = slot,
		.data = bytes_of(client->id, sizeof(client->id)),
		.data2 = wire_abi() };
	int64_t deadline_ms = wire_now_ms() + DEADLINE_MS;

	while (true) {
		*fd = agent_connect(client->agent);
		struct answer answer = agent_call(*fd, &hello);

		if (answer.result == WIRE_DONE || wire_now_ms() >= deadline_ms)
			return answer;
		(void)close(*fd);
	}
}

size_t client_slots(const struct test_client *client, bool present, CK_SLOT_ID slots[16])
{
	const Call call = { .function = Function_C_GetSlotList, .number = present };
	struct answer answer = agent_call(client->control, &call);

	must(answer.rv == CKR_OK && answer.len <= 16 * sizeof(slots[0]), "slot list");
	if (answer.len > 0)
		memcpy(slots, answer.data, answer.len);
	return answer.len / sizeof(slots[0]);
}
