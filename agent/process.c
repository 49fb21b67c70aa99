/* SPDX-License-Identifier: Apache-2.0 */
/* A token host as the front door holds it: its process and the link to it. */
#include "process.h"

#include <signal.h>
#include <unistd.h>

bool process_send(struct process *process, const struct link_message *message)
{
	return process->link < 0 || outbox_send(&process->outbox, process->link, message);
}

bool process_flush(struct process *process)
{
	process->blocked = false;
	return process->link < 0 || outbox_flush(&process->outbox, process->link);
}

void process_close(struct process *process)
{
	if (process->link >= 0)
		(void)close(process->link);
	process->link = -1;
	process->blocked = false;
	outbox_reset(&process->outbox);
}

/* Never 0 or less: that would be everybody. */
void process_kill(struct process *process)
{
	if (process->pid <= 0)
		return;
	process->killed = true;
	(void)kill(process->pid, SIGKILL);
}
