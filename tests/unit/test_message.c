/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: what is read of them, and that they are written as recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cleanup.h"
#include "json.h"
#include "message.h"
#include "support/vectors.h"

static bool parses(const char *text, struct message *message)
{
	CLEANUP(json) json_t *payload = json_parse(bytes_of_text(text));

	return message_parse(payload, message);
}

/* The recorded payload made again of its own parts. */
static char *rebuild_payload(const struct message *message)
{
	const char *uuid = message->uuid[0] ? message->uuid : NULL;

	switch (message->type) {
	case MESSAGE_SOLICIT:
		return message_solicit_payload(uuid, message->ttl_seconds, message->smime);
	case MESSAGE_OFFER: return message_offer_payload(uuid, message->siguuid, message->smime);
	case MESSAGE_REQUEST:
		return message_request_payload(uuid, message->siguuid, message->caindex,
			message->signtype, message->ttl_seconds, message->smime);
	case MESSAGE_RESPONSE: break;
	}
	return message_response_payload(uuid, message->siguuid, message->smime);
}

static void check_payload(const char *directory, const char *name)
{
	size_t len = 0;
	CLEANUP(free) char *recorded = vector_text(directory, name, &len);
	CLEANUP(json) json_t *payload = vector_json(directory, name);
	struct message message;

	assert_true(message_parse(payload, &message));
	CLEANUP(free) char *rebuilt = rebuild_payload(&message);

	assert_string_equal(rebuilt, recorded);
}

static void every_recorded_payload_is_written_again_byte_for_byte(void **state)
{
	static const char *const names[] = { "10_csr_solicit.json", "11_csr_offer.json",
		"12_csr_request.json", "13_csr_response.json", "20_crl_solicit.json",
		"21_crl_offer.json", "22_crl_request.json", "23_crl_response.json",
		"40_cms_solicit.json", "41_cms_offer.json", "42_cms_request.json",
		"43_cms_response.json" };

	(void)state;
	for (size_t run = 0; run < ARRAY_LEN(vector_runs); run++) {
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			check_payload(vector_runs[run].name, names[i]);
	}
}

static void check_contents(const char *directory)
{
	static const char *const requests[] = { "12_csr_request_plain.json",
		"22_crl_request_plain.json", "42_cms_request_plain.json" };
	static const char *const results[] = { "13_csr_response_plain.json",
		"23_crl_response_plain.json", "43_cms_response_plain.json",
		"30_delivercrl_plain.json" };
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		CLEANUP(free) char *text = vector_text(directory, requests[i], &len);
		struct message_request request;

		assert_true(message_parse_request(bytes_of(text, len), &request));
		CLEANUP(free)
		char *again = message_request_content(request.siguuid, request.request);

		assert_string_equal(again, text);
		message_request_reset(&request);
	}
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		CLEANUP(free) char *text = vector_text(directory, results[i], &len);
		struct message_result result;

		assert_true(message_parse_result(bytes_of(text, len), &result));
		CLEANUP(free)
		char *again = message_result_content(result.success, result.siguuid, result.text);

		assert_string_equal(again, text);
		message_result_reset(&result);
	}
}

static void every_recorded_content_is_written_again_byte_for_byte(void **state)
{
	(void)state;
	for (size_t run = 0; run < ARRAY_LEN(vector_runs); run++)
		check_contents(vector_runs[run].name);
}

static void recorded_offer_and_registration_contents_are_written_again(void **state)
{
	size_t len = 0;
	CLEANUP(free)
	char *offer_text = vector_text("run_ec", "11_csr_offer_signed_content.json", &len);
	CLEANUP(free)
	char *register_text = vector_text("run_ec", "01_register_request_signed_content.bin", &len);
	struct message_offer offer;

	(void)state;
	assert_true(message_parse_offer(bytes_of_text(offer_text), &offer));
	CLEANUP(free)
	char *offer_again = message_offer_content(offer.uuid, offer.caindex, offer.siguuid);
	CLEANUP(free)
	char *register_again =
		message_registration_content("01c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9ca",
			"5eccc31a3fd59522f69e0999a54010353f553bb6");

	assert_string_equal(offer_again, offer_text);
	assert_string_equal(register_again, register_text);
}

static void payload_that_is_no_message_is_dropped(void **state)
{
	static const char *const wrong[] = { "null", "1", "\"text\"", "[]", "{}",
		"{\"type\":\"solicit signature\"}", "{\"type\":\"solicit signature\",\"smime\":1}",
		"{\"type\":\"unknown\",\"smime\":\"x\"}", "{\"type\":null,\"smime\":\"x\"}",
		"{\"type\":\"solicit signature\",\"smime\":\"x\",\"uuid\":7}",
		"{\"type\":\"solicit signature\",\"smime\":\"x\",\"uuid\":\"\"}",
		"{\"type\":\"signature request\",\"smime\":\"x\",\"signtype\":{}}" };
	struct message message;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(parses(wrong[i], &message));
}

static void field_that_does_not_fit_is_refused(void **state)
{
	char text[MESSAGE_FIELD_MAX + 64];
	struct message message;

	(void)state;
	(void)snprintf(text, sizeof(text),
		"{\"type\":\"solicit signature\",\"smime\":\"x\",\"uuid\":\"%0*d\"}",
		MESSAGE_FIELD_MAX - 1, 1);
	assert_true(parses(text, &message));
	(void)snprintf(text, sizeof(text),
		"{\"type\":\"solicit signature\",\"smime\":\"x\",\"uuid\":\"%0*d\"}",
		MESSAGE_FIELD_MAX, 1);
	assert_false(parses(text, &message));
}

static void ttl_is_a_number_or_numeric_text_and_five_by_default(void **state)
{
	static const struct {
		const char *json;
		double seconds;
	} cases[] = { { "30", 30 }, { "0", 5 }, { "null", 5 }, { "\"7\"", 7 }, { "\" 7 \"", 7 },
		{ "\"\"", 5 }, { "2.5", 2.5 }, { "-1", -1 }, { "\"-3\"", -1 }, { "\"soon\"", -1 },
		{ "\"0x10\"", -1 }, { "\"inf\"", -1 }, { "\"nan\"", -1 }, { "[]", -1 },
		{ "true", -1 } };
	char text[128];
	struct message message;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(text, sizeof(text),
			"{\"type\":\"solicit signature\",\"smime\":\"x\",\"ttl\":%s}",
			cases[i].json);
		assert_true(parses(text, &message));
		assert_true(message.ttl_seconds == cases[i].seconds);
	}
}

static void absent_fields_of_a_payload_are_empty(void **state)
{
	struct message message;

	(void)state;
	assert_true(
		parses("{\"type\":\"solicit signature\",\"uuid\":null,\"smime\":\"x\"}", &message));
	assert_string_equal(message.uuid, "");
	assert_string_equal(message.siguuid, "");
	assert_false(message.has_caindex);
	assert_true(message.ttl_seconds == MESSAGE_TTL_DEFAULT_SECONDS);
}

static void empty_siguuid_and_signtype_are_absent(void **state)
{
	struct message message;

	(void)state;
	assert_true(parses("{\"type\":\"signature request\",\"siguuid\":\"\",\"signtype\":\"\","
			   "\"smime\":\"x\"}",
		&message));
	assert_string_equal(message.siguuid, "");
	assert_string_equal(message.signtype, "");
}

static void request_without_siguuid_is_written_without_it(void **state)
{
	CLEANUP(free) char *text = message_request_payload("u", NULL, 0, "csr", 5, "x");

	(void)state;
	assert_string_equal(text, "{\"type\":\"signature request\",\"uuid\":\"u\",\"caindex\":0,"
				  "\"signtype\":\"csr\",\"ttl\":5,\"smime\":\"x\"}");
}

static void result_of_any_bytes_is_readable_text(void **state)
{
	CLEANUP(free) char *kept = message_result_content(false, "s", "caf\xc3\xa9");
	CLEANUP(free) char *replaced = message_result_content(false, "s", "caf\xe9 \xff");

	(void)state;
	assert_string_equal(
		kept, "{\"success\":false,\"siguuid\":\"s\",\"message\":\"caf\xc3\xa9\"}");
	assert_string_equal(
		replaced, "{\"success\":false,\"siguuid\":\"s\",\"message\":\"caf? ?\"}");
}

static void content_without_its_required_fields_is_refused(void **state)
{
	struct message_solicit solicit;
	struct message_request request;
	struct message_offer offer;
	struct message_result result;

	(void)state;
	assert_false(message_parse_solicit(
		bytes_of_text("{\"serial\":\"1\",\"siguuid\":\"s\"}"), &solicit));
	assert_false(message_parse_solicit(bytes_of_text("null"), &solicit));
	assert_false(message_parse_request(
		bytes_of_text("{\"siguuid\":\"s\",\"request\":[]}"), &request));
	assert_false(message_parse_request(bytes_of_text("{\"request\":{}}"), &request));
	assert_false(message_parse_offer(
		bytes_of_text("{\"uuid\":\"u\",\"siguuid\":\"s\",\"caindex\":\"0\"}"), &offer));
	assert_false(message_parse_result(
		bytes_of_text("{\"success\":1,\"siguuid\":\"s\",\"message\":\"\"}"), &result));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recorded_payload_is_written_again_byte_for_byte),
		cmocka_unit_test(every_recorded_content_is_written_again_byte_for_byte),
		cmocka_unit_test(recorded_offer_and_registration_contents_are_written_again),
		cmocka_unit_test(payload_that_is_no_message_is_dropped),
		cmocka_unit_test(field_that_does_not_fit_is_refused),
		cmocka_unit_test(ttl_is_a_number_or_numeric_text_and_five_by_default),
		cmocka_unit_test(absent_fields_of_a_payload_are_empty),
		cmocka_unit_test(empty_siguuid_and_signtype_are_absent),
		cmocka_unit_test(request_without_siguuid_is_written_without_it),
		cmocka_unit_test(result_of_any_bytes_is_readable_text),
		cmocka_unit_test(content_without_its_required_fields_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
