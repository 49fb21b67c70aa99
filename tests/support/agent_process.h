/* SPDX-License-Identifier: Apache-2.0 */
/* The agent as a process of a test, with fake token hosts, and a client that speaks frames to it.
 */
#ifndef IOTHSM_TEST_AGENT_PROCESS_H
#define IOTHSM_TEST_AGENT_PROCESS_H

#include <sys/types.h>

#include "wire.h"

struct agent_process {
	char directory[64];
	pid_t pid;
	int log; /* the read end of its stderr */
};

/* Makes the directory and starts an agent whose configuration ends with more. */
void agent_start(struct agent_process *agent, const char *more);

/* Starts it on the directory as it is; true when it says that it is ready, false when it ends
 * first. */
bool agent_run(struct agent_process *agent);

/* Replaces the end of the configuration. */
void agent_configure(struct agent_process *agent, const char *more);

/* Reads its messages until one contains the text; false at their end. */
bool agent_says(struct agent_process *agent, const char *text);

/* SIGTERM; the exit status. Then the directory can be removed. */
int agent_stop(struct agent_process *agent);
void agent_remove(struct agent_process *agent);

/* A reply whose data stays until the next call. */
struct answer {
	enum wire_result result;
	CK_RV rv;
	CK_ULONG number;
	const uint8_t *data;
	size_t len;
};

int agent_connect(const struct agent_process *agent);
struct answer agent_call(int fd, const Call *call);

struct test_client {
	const struct agent_process *agent;
	int control;
	uint8_t id[WIRE_CLIENT_ID_LEN];
};

void client_open(struct test_client *client, const struct agent_process *agent);

/* The answer to HELLO on a slot connection; *fd is open in any case. */
struct answer client_connect(const struct test_client *client, CK_SLOT_ID slot, int *fd);

/* The slots that the client sees. */
size_t client_slots(const struct test_client *client, bool present, CK_SLOT_ID slots[16]);

#endif
