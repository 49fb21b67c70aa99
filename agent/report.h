/* SPDX-License-Identifier: Apache-2.0 */
/* The state of agent, backends, tokens and clients as JSON. */
#ifndef IOTHSM_REPORT_H
#define IOTHSM_REPORT_H

#include "front.h"

/* Freed by the caller; NULL when out of memory. */
char *report_status(struct front *front, const struct caller *client);

#endif
