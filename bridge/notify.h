/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's readiness protocol, sd_notify(3). */
#ifndef IOTHSM_NOTIFY_H
#define IOTHSM_NOTIFY_H

/* Sends state ("READY=1" …) to $NOTIFY_SOCKET; without one nothing happens. */
void notify_send(const char *state);

#endif
