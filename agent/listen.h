/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that clients connect to, and what systemd gives and wants to know. */
#ifndef IOTHSM_LISTEN_H
#define IOTHSM_LISTEN_H

#include <stdbool.h>

/*
 * The listening socket, non-blocking: systemd's when there is one (*ours false), else made at the
 * path, mode 0660, group iothsm-clients where it exists. -1 after the reason was logged.
 */
int listen_open(const char *path, bool *ours);

/* Removes what listen_open() made. */
void listen_close(int fd, const char *path, bool ours);

/* sd_notify(3): "READY=1" and the like; nothing happens where nobody asked for it. */
void listen_notify(const char *state);

#endif
