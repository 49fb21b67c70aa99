/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of PubNub, whose messages anybody can write. */
#include <assert.h>
#include <stdlib.h>

#include "pubnub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *context, struct pubnub_message *message)
{
	size_t *taken = context;

	assert(pubnub_is_name(message->publisher) && pubnub_is_name(message->channel));
	assert(message->payload);
	(*taken)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes reply = { data, size };
	struct pubnub_cursor cursor = { 0 };
	size_t taken = 0;
	size_t dropped = 0;
	int64_t timetoken = 0;

	if (pubnub_parse_subscribe(reply, &cursor, take, &taken, &dropped))
		assert(cursor.timetoken[0] != '\0' && taken + dropped <= PUBNUB_MESSAGES_MAX);
	(void)pubnub_parse_publish(reply, &timetoken);
	(void)pubnub_parse_time(reply, &timetoken);
	return 0;
}
