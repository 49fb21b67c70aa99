/* SPDX-License-Identifier: Apache-2.0 */
/* The socket's name in the file system, made again when somebody removes it. */
#ifndef IOTHSM_SOCKET_WATCH_H
#define IOTHSM_SOCKET_WATCH_H

#include "front.h"

/* Begins to watch front->watcher (-1: not possible, or the socket is systemd's). */
void socket_watch_open(struct front *front);

/* After an event: a socket that is gone is made again, with a new front->listener. */
void socket_watch_check(struct front *front);

void socket_watch_close(struct front *front);

#endif
