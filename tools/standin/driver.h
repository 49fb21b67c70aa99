/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's inside: one CA's channel, heard by a listener thread, and the jobs on it. */
#ifndef IOTHSM_STANDIN_DRIVER_H
#define IOTHSM_STANDIN_DRIVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "mailbox.h"
#include "peer.h"
#include "registry.h"
#include "standin.h"

struct standin_driver {
	struct peer peer;
	X509 *ca;
	char serial[64];
	char thumbprint[41];
	char channel[REGISTRY_CHANNEL_SIZE];
	struct mailboxes boxes;
	struct rest *listener;
	char timetoken[PEER_TIMETOKEN_SIZE];
	atomic_bool stop;
	pthread_t thread;
	bool running;
};

/* standin_job() on a connection that the caller keeps between jobs. */
void driver_run_job(struct standin_driver *driver, struct rest *rest,
	const struct standin_order *order, struct standin_result *result);

#endif
