/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's life: it listens on the channel of one CA as a PubNub peer of its own. */
#include "driver.h"

#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "message.h"

enum { LISTEN_RETRY_MS = 500 };

/* Unsigned parts only sort the mail; what is in it is verified by the job. */
static void deliver(struct standin_driver *driver, const json_t *envelope)
{
	json_t *payload = json_object_get(envelope, "d");
	struct message message;

	if (message_parse(payload, &message) && strcmp(message.uuid, driver->peer.uuid) == 0)
		mailbox_deliver(&driver->boxes, message.siguuid, payload);
}

/* After a failure nothing is lost: the next poll goes on from the same timetoken. */
static void wait_to_retry(struct standin_driver *driver)
{
	int64_t until = mailbox_now_ms() + LISTEN_RETRY_MS;
	const struct timespec deadline = { until / 1000, until % 1000 * 1000000 };
	int rc = 0;

	(void)pthread_mutex_lock(&driver->boxes.lock);
	while (!atomic_load(&driver->stop) && rc == 0)
		rc = pthread_cond_timedwait(&driver->boxes.arrived, &driver->boxes.lock, &deadline);
	(void)pthread_mutex_unlock(&driver->boxes.lock);
}

static void *listen_on_channel(void *arg)
{
	struct standin_driver *driver = arg;

	while (!atomic_load(&driver->stop)) {
		CLEANUP(json) json_t *messages = NULL;
		const json_t *envelope;
		size_t i;

		if (!peer_poll(&driver->peer, driver->listener, driver->channel, driver->timetoken,
			    &driver->stop, &messages))
			wait_to_retry(driver);
		json_array_foreach(messages, i, envelope) deliver(driver, envelope);
	}
	return NULL;
}

static bool name_ca(struct standin_driver *driver, X509 *ca)
{
	if (X509_up_ref(ca) != 1)
		return false;
	driver->ca = ca;
	if (!certificate_serial_hex(ca, driver->serial) ||
		!certificate_thumbprint(ca, driver->thumbprint))
		return false;
	registry_channel(driver->channel, driver->thumbprint);
	return true;
}

/* The handshake is done before any job can solicit, so that no answer is missed. */
static bool start_listening(struct standin_driver *driver)
{
	CLEANUP(json) json_t *none = NULL;

	driver->listener = peer_connect(&driver->peer);
	if (!driver->listener || !peer_poll(&driver->peer, driver->listener, driver->channel,
					 driver->timetoken, NULL, &none))
		return false;
	driver->running = pthread_create(&driver->thread, NULL, listen_on_channel, driver) == 0;
	return driver->running;
}

struct standin_driver *standin_driver_open(const char *directory, X509 *ca)
{
	struct standin_driver *driver = calloc(1, sizeof(*driver));

	if (!driver || !mailboxes_init(&driver->boxes)) {
		free(driver);
		return NULL;
	}
	if (peer_open(&driver->peer, directory) && name_ca(driver, ca) && start_listening(driver))
		return driver;
	log_error("standin: the driver cannot subscribe directory=%s", directory);
	standin_driver_close(driver);
	return NULL;
}

void standin_driver_close(struct standin_driver *driver)
{
	if (!driver)
		return;
	(void)pthread_mutex_lock(&driver->boxes.lock);
	atomic_store(&driver->stop, true);
	(void)pthread_cond_broadcast(&driver->boxes.arrived);
	(void)pthread_mutex_unlock(&driver->boxes.lock);
	if (driver->running) {
		rest_wake(driver->listener);
		(void)pthread_join(driver->thread, NULL);
	}
	rest_free(driver->listener);
	mailboxes_destroy(&driver->boxes);
	peer_close(&driver->peer);
	X509_free(driver->ca);
	free(driver);
}
