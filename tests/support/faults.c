/* SPDX-License-Identifier: Apache-2.0 */
/* The fault table: every row in one process, between one C_Initialize and one C_Finalize. */
#include "fault.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void load(const char *module)
{
	void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;

	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	fault_must(get && get(&fault.p11) == CKR_OK, module);
}

/* True when the row is as expected; an after() that is not CKR_OK ends the table. */
static bool run_row(const struct fault *row)
{
	CK_RV got = row->meet();
	CK_RV after = row->after();
	bool well = got == row->expected && after == CKR_OK;

	(void)printf("%-40s %-26s %#-6lx %#-6lx %-26s %#-6lx %s\n", row->name, row->call,
		row->expected, got, row->after_name, after, well ? "ok" : "DIFFERS");
	(void)fflush(stdout);
	return well;
}

static bool run_rows(const struct fault *rows, size_t count)
{
	bool well = true;

	for (size_t i = 0; i < count; i++)
		well = run_row(&rows[i]) && well;
	return well;
}

/* A fresh agent has forgotten how often hosts died before. */
static void renew_agent(void)
{
	fault_end_agent(SIGTERM);
	fault_start_agent("iothsm-agent", "agent.conf");
	fault_must(fault_login_and_sign() == CKR_OK, "the login after a restart");
}

static bool run_table(void)
{
	bool well = run_rows(host_faults, host_fault_count);

	renew_agent();
	well = run_rows(hang_faults, hang_fault_count) && well;
	renew_agent();
	well = run_rows(token_faults, token_fault_count) && well;
	renew_agent();
	well = run_rows(process_faults, process_fault_count) && well;
	return run_rows(agent_faults, agent_fault_count) && well;
}

/* faults MODULE WORK BIN PIN */
int main(int argc, char **argv)
{
	if (argc != 5) {
		(void)fprintf(stderr, "usage: faults MODULE WORK BIN PIN\n");
		return 2;
	}
	fault.work = argv[2];
	fault.bin = argv[3];
	fault.pin = (CK_UTF8CHAR *)argv[4];
	load(argv[1]);
	fault_start_agent("iothsm-agent", "agent.conf");
	fault_must(fault.p11->C_Initialize(NULL) == CKR_OK && fault_find_slot() == CKR_OK &&
			   fault_open() == CKR_OK,
		"the start");
	(void)printf("%-40s %-26s %-6s %-6s %-26s %s\n", "fault", "call", "due", "got",
		"afterwards", "got");
	bool well = run_table();

	fault_end_agent(SIGTERM);
	fault_must(fault.p11->C_Finalize(NULL) == CKR_OK, "C_Finalize");
	return well ? 0 : 1;
}
