/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the front door: one thread, which waits for clients, token hosts and signals. */
#ifndef IOTHSM_DOOR_H
#define IOTHSM_DOOR_H

#include "front.h"

/*
 * Runs until SIGTERM or SIGINT; reload is called at SIGHUP. signals is a signalfd(2). CKR_OK after
 * an orderly request to end.
 */
CK_RV door_run(struct front *front, int signals, void (*reload)(struct front *front));

/* Closes every connection. */
void door_close(struct front *front);

#endif
