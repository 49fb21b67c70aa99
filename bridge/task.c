/* SPDX-License-Identifier: Apache-2.0 */
/* A message that was found good, waiting for a worker. */
#include "bridge_core.h"

#include <stdlib.h>

#include "wallclock.h"

struct task *task_new(void)
{
	return calloc(1, sizeof(struct task));
}

void task_free(struct task *task)
{
	if (!task)
		return;
	X509_free(task->requester);
	json_decref(task->request);
	free(task->answer);
	free(task);
}

void task_give_back(struct bridge *bridge, struct task *task)
{
	if (task->ticketed && task->kind == TASK_OFFER)
		replay_forget(bridge->replay, task->ticket);
	else if (task->ticketed)
		journal_forget(bridge->journal, task->ticket, wallclock_now_s());
	task->ticketed = false;
}
