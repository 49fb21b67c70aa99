/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile token host: whatever it sends, the front door goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "uplink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings_backend settings_backend;
static struct settings settings = { .backends = &settings_backend, .backend_count = 1 };
static struct front front;
static struct caller client; /* of the all-zero id */

static void make_front(void)
{
	static char name[] = "fuzz";

	settings_backend = (struct settings_backend){ .name = name, .type = name, .module = name };
	front.settings = &settings;
	front.backend_count = 1;
	front.backends[0].settings = &settings_backend;
	client.state = CALLER_CONTROL;
	front.callers[0] = &client;
	front.caller_count = 1;
	(void)snprintf(front.kept.state, sizeof(front.kept.state), "/dev/null");
	front.kept.tokens = calloc(KEPT_TOKENS_MAX, sizeof(*front.kept.tokens));
	if (!front.kept.tokens || ticket_box_init(&front.tickets) != CKR_OK ||
		slot_add_backend(&front.slots, name) != CKR_OK)
		abort();
	log_set_level((enum log_level)1); /* nothing of what it complains about is wanted here */
}

/* The first byte: the type. The rest is laid over a message of zeros, so that most are sound. */
static void send_one(int link, const uint8_t *data, size_t size)
{
	struct link_message message = { .type = LINK_TOKEN };

	if (size > 0)
		message.type = (enum link_type)data[0];
	if (size > 1)
		memcpy((uint8_t *)&message + sizeof(message.type), data + 1,
			size - 1 < sizeof(message) - sizeof(message.type)
				? size - 1
				: sizeof(message) - sizeof(message.type));
	(void)send(link, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct backend *backend = &front.backends[0];
	int ends[2];

	if (!front.settings)
		make_front();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) != 0)
		abort();
	backend->state = BACKEND_READY;
	backend->host.link = ends[0];
	backend->second.link = -1;
	/* As many messages as the first byte says, each a piece of the input; at last the raw
	 * input. */
	size_t count = size > 0 ? data[0] % 8U + 1 : 0;

	for (size_t i = 0; i < count; i++)
		send_one(ends[1], data + size / count * i, size / count);
	(void)send(ends[1], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(ends[1]);
	uplink_drain(&front, 0);
	if (backend->host.link >= 0)
		abort(); /* the end of the link ends the host */
	outbox_reset(&backend->host.outbox);
	return 0;
}
