/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's answers to a registration: the plain outside, and what is sealed in it. */
#include <stdlib.h>

#include "cleanup.h"
#include "platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes body = bytes_of(data, size);
	struct platform_connection connection;
	char reason[PLATFORM_REASON_MAX] = "";
	CLEANUP(free) char *inner = NULL;

	if (platform_parse_connection(body, &connection) && !pubnub_is_name(connection.channel))
		abort();
	enum platform_outcome outcome = platform_parse_registration(body, &inner, reason);

	if ((outcome == PLATFORM_REGISTERED) != (inner != NULL) ||
		(outcome == PLATFORM_REGISTERED) != (reason[0] == '\0'))
		abort();
	return 0;
}
