/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the PKCS#11 module and its administration interface. */
#include "cli_module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "cleanup.h"
#include "cli_error.h"
#include "json.h"

/* The module of the build tree that the running program is part of, "" when it is not in one. */
static const char *module_beside(void)
{
	static char path[PATH_MAX + 64];
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (len <= 0)
		return "";
	own[len] = '\0';
	slash = strrchr(own, '/');
	*slash = '\0';
	(void)snprintf(path, sizeof(path), "%s/../lib/libiothsm-pkcs11.so", own);
	return access(path, R_OK) == 0 ? path : "";
}

const char *cli_module_path(const struct cli *cli)
{
	const char *path = cli->options.module;

	if (!path)
		path = secure_getenv("IOTHSM_MODULE");
	if (path && *path)
		return path;
	path = module_beside();
	return *path ? path : IOTHSM_MODULE_INSTALLED;
}

static CK_RV module_find_admin(struct cli *cli, CK_C_GetInterface get_interface)
{
	CK_UTF8CHAR name[] = IOTHSM_ADMIN_INTERFACE;
	CK_VERSION version = { 1, 0 };
	CK_INTERFACE *found = NULL;

	if (get_interface && get_interface(name, &version, &found, 0) == CKR_OK && found)
		cli->admin = found->pFunctionList;
	return CKR_OK;
}

CK_RV cli_module_open(struct cli *cli)
{
	const char *path = cli_module_path(cli);
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	CK_C_GetFunctionList get_list;
	CK_RV rv;

	cli->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!cli->library)
		return cli_refuse(cli, CLI_FAILURE,
			"client: cannot load the module: %s; see --module", dlerror());
	*(void **)&get_list = dlsym(cli->library, "C_GetFunctionList");
	if (!get_list || get_list(&cli->functions) != CKR_OK)
		return cli_refuse(
			cli, CLI_FAILURE, "client: %s is no PKCS#11 module; see --module", path);
	rv = cli->functions->C_Initialize(&arguments);
	if (rv != CKR_OK)
		return cli_error(cli, rv, "starting the module %s", path);
	return module_find_admin(
		cli, (CK_C_GetInterface)(uintptr_t)dlsym(cli->library, "C_GetInterface"));
}

void cli_module_close(struct cli *cli)
{
	if (cli->functions)
		(void)cli->functions->C_Finalize(NULL);
	if (cli->library)
		(void)dlclose(cli->library);
	cli->functions = NULL;
	cli->admin = NULL;
	cli->library = NULL;
}

CK_RV cli_module_need_admin(struct cli *cli)
{
	if (cli->admin)
		return CKR_OK;
	return cli_refuse(cli, CLI_REFUSED,
		"client: the module %s has no administration interface; this command needs "
		"libiothsm-pkcs11.so",
		cli_module_path(cli));
}

CK_RV cli_module_check_agent(struct cli *cli)
{
	CK_ULONG len = 0;

	if (!cli->admin || cli->admin->status(NULL, &len) != CKR_DEVICE_ERROR)
		return CKR_OK;
	(void)cli_refuse(cli, CLI_UNREACHABLE,
		"agent: CKR_DEVICE_ERROR: iothsm-agent does not answer, or you may not connect; "
		"see systemctl "
		"status iothsm-agent, and the group iothsm-clients");
	return CKR_DEVICE_ERROR;
}

CK_RV cli_module_agent_status(struct cli *cli, char **json)
{
	CLEANUP(free) char *text = NULL;
	CK_ULONG len = 0;
	CK_RV rv;

	TRY(cli_module_need_admin(cli));
	TRY(cli_module_check_agent(cli));
	do {
		rv = cli->admin->status(NULL, &len);
		if (rv != CKR_OK)
			return cli_error(cli, rv, "asking for its state");
		if (len > JSON_TEXT_MAX)
			return cli_error(
				cli, CKR_DATA_LEN_RANGE, "its state is too long to be true");
		free(text);
		text = calloc(1, len + 1);
		if (!text)
			return cli_error(cli, CKR_HOST_MEMORY, "reading the state of the agent");
		rv = cli->admin->status((CK_UTF8CHAR_PTR)text, &len);
	} while (rv == CKR_BUFFER_TOO_SMALL); /* it has grown in between */
	if (rv != CKR_OK)
		return cli_error(cli, rv, "asking for its state");
	text[len] = '\0';
	*json = steal(&text);
	return CKR_OK;
}
