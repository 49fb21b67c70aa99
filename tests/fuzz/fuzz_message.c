/* SPDX-License-Identifier: Apache-2.0 */
/* JSON payloads and contents from outside. */
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "json.h"
#include "message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes content = bytes_of(data, size);
	CLEANUP(json) json_t *payload = json_parse(content);
	struct message message;
	struct message_solicit solicit;
	struct message_offer offer;
	struct message_request request;
	struct message_result result;

	(void)message_parse(payload, &message);
	(void)message_parse_solicit(content, &solicit);
	(void)message_parse_offer(content, &offer);
	if (message_parse_request(content, &request))
		message_request_reset(&request);
	if (message_parse_result(content, &result))
		message_result_reset(&result);
	return 0;
}
