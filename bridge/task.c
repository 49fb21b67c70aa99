/* SPDX-License-Identifier: Apache-2.0 */
/* A message that was found good, waiting for a worker. */
#include "bridge_core.h"

#include <stdlib.h>

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
