/* SPDX-License-Identifier: Apache-2.0 */
/* A token host as a child process with its end of the link at LINK_FD. */
#ifndef IOTHSM_LAUNCH_H
#define IOTHSM_LAUNCH_H

#include "settings.h"

#include <sys/types.h>

/* The pid, *link non-blocking on our side; -1 after the reason was logged. */
pid_t launch_host(const struct settings_backend *backend, const char *libexec, int *link);

/* The path of a backend's program. */
bool launch_path(
	char *path, size_t room, const struct settings_backend *backend, const char *libexec);

#endif
