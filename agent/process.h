/* SPDX-License-Identifier: Apache-2.0 */
/* A token host as the front door holds it: its process and the link to it. */
#ifndef IOTHSM_PROCESS_H
#define IOTHSM_PROCESS_H

#include "outbox.h"

struct process {
	pid_t pid;          /* 0: no process */
	int link;           /* -1: none */
	int64_t started_ms; /* of the present or last process */
	bool killed;        /* by us */
	bool blocked;       /* the link took no descriptor: wait until it is writable */
	struct outbox outbox;
};

/* False when the host does not take it and never will; true also without a link. */
bool process_send(struct process *process, const struct link_message *message);

/* The link can be written again; false as above. */
bool process_flush(struct process *process);

/* Closes the link, which tells the host to end, and wipes what was still to be sent. */
void process_close(struct process *process);

void process_kill(struct process *process);

#endif
