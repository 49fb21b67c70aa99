/* SPDX-License-Identifier: Apache-2.0 */
/* The four PubNub messages and the two HTTPS bodies of the platform's protocol, as structures. */
#include "message.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "cleanup.h"
#include "json.h"

static const struct {
	const char *name;
	enum message_type type;
} message_types[] = {
	{ "solicit signature", MESSAGE_SOLICIT },
	{ "services offerred", MESSAGE_OFFER },
	{ "signature request", MESSAGE_REQUEST },
	{ "signature response", MESSAGE_RESPONSE },
};

static const char *type_name(enum message_type type)
{
	return message_types[type - MESSAGE_SOLICIT].name;
}

static bool find_type(const char *name, enum message_type *type)
{
	for (size_t i = 0; name && i < ARRAY_LEN(message_types); i++) {
		if (strcmp(message_types[i].name, name) == 0) {
			*type = message_types[i].type;
			return true;
		}
	}
	return false;
}

static bool copy_required(char *out, const json_t *object, const char *key)
{
	const char *text = json_text(object, key);

	if (!text || strlen(text) >= MESSAGE_FIELD_MAX)
		return false;
	(void)strcpy(out, text);
	return true;
}

/* Empty when absent or null. */
static bool copy_optional(char *out, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	out[0] = '\0';
	if (!value || json_is_null(value))
		return true;
	return copy_required(out, object, key);
}

/* An empty text addresses nobody, so it must not look like "absent". */
static bool copy_address(char *out, const json_t *payload)
{
	const json_t *uuid = json_object_get(payload, "uuid");

	return copy_optional(out, payload, "uuid") && (out[0] != '\0' || !json_is_string(uuid));
}

static double parse_ttl_text(const char *text)
{
	char *end = NULL;

	while (isspace((unsigned char)*text))
		text++;
	if (*text == '\0')
		return 0;
	double seconds = strtod(text, &end);

	while (isspace((unsigned char)*end))
		end++;
	return *end == '\0' && isfinite(seconds) && !strpbrk(text, "xX") ? seconds : -1;
}

static double parse_ttl(const json_t *value)
{
	double seconds = -1;

	if (!value || json_is_null(value) || json_is_false(value))
		seconds = 0;
	else if (json_is_number(value))
		seconds = json_number_value(value);
	else if (json_is_string(value))
		seconds = parse_ttl_text(json_string_value(value));
	if (seconds < 0)
		return -1;
	return seconds == 0 ? MESSAGE_TTL_DEFAULT_SECONDS : seconds;
}

bool message_parse(const json_t *payload, struct message *message)
{
	struct message parsed = { 0 };

	if (!find_type(json_text(payload, "type"), &parsed.type))
		return false;
	parsed.smime = json_text(payload, "smime");
	if (!parsed.smime || !copy_address(parsed.uuid, payload) ||
		!copy_optional(parsed.siguuid, payload, "siguuid") ||
		!copy_optional(parsed.signtype, payload, "signtype"))
		return false;
	parsed.ttl_seconds = parse_ttl(json_object_get(payload, "ttl"));
	const json_t *caindex = json_object_get(payload, "caindex");

	parsed.has_caindex = json_is_integer(caindex);
	parsed.caindex = json_integer_value(caindex);
	*message = parsed;
	return true;
}

bool message_parse_solicit(struct bytes content, struct message_solicit *solicit)
{
	CLEANUP(json) json_t *object = json_parse(content);
	struct message_solicit parsed;

	if (!copy_required(parsed.serial, object, "serial") ||
		!copy_required(parsed.thumbprint, object, "thumbprint") ||
		!copy_required(parsed.siguuid, object, "siguuid"))
		return false;
	*solicit = parsed;
	return true;
}

bool message_parse_request(struct bytes content, struct message_request *request)
{
	CLEANUP(json) json_t *object = json_parse(content);
	json_t *inner = json_object_get(object, "request");
	struct message_request parsed;

	if (!json_is_object(inner) || !copy_required(parsed.siguuid, object, "siguuid"))
		return false;
	parsed.request = json_incref(inner);
	*request = parsed;
	return true;
}

void message_request_reset(struct message_request *request)
{
	json_decref(request->request);
	request->request = NULL;
}

bool message_parse_offer(struct bytes content, struct message_offer *offer)
{
	CLEANUP(json) json_t *object = json_parse(content);
	const json_t *caindex = json_object_get(object, "caindex");
	struct message_offer parsed;

	if (!json_is_integer(caindex) || !copy_required(parsed.uuid, object, "uuid") ||
		!copy_required(parsed.siguuid, object, "siguuid"))
		return false;
	parsed.caindex = json_integer_value(caindex);
	*offer = parsed;
	return true;
}

bool message_parse_result(struct bytes content, struct message_result *result)
{
	CLEANUP(json) json_t *object = json_parse(content);
	const json_t *success = json_object_get(object, "success");
	const char *text = json_text(object, "message");
	struct message_result parsed;

	if (!json_is_boolean(success) || !text || !copy_required(parsed.siguuid, object, "siguuid"))
		return false;
	parsed.success = json_is_true(success);
	parsed.text = strdup(text);
	if (!parsed.text)
		return false;
	*result = parsed;
	return true;
}

void message_result_reset(struct message_result *result)
{
	free(result->text);
	result->text = NULL;
}

/* Takes the reference, so that a failed json_pack() is just no text. */
static char *print_owned(json_t *value)
{
	char *text = json_print(value);

	json_decref(value);
	return text;
}

/* A whole number without a decimal point, as the platform writes it. */
static json_t *ttl_value(double seconds)
{
	if (seconds == floor(seconds) && fabs(seconds) < 1e15)
		return json_integer((json_int_t)seconds);
	return json_real(seconds);
}

char *message_solicit_content(const char *serial, const char *thumbprint, const char *siguuid)
{
	return print_owned(json_pack(
		"{s:s, s:s, s:s}", "serial", serial, "thumbprint", thumbprint, "siguuid", siguuid));
}

char *message_offer_content(const char *uuid, int64_t caindex, const char *siguuid)
{
	return print_owned(json_pack("{s:s, s:I, s:s}", "uuid", uuid, "caindex",
		(json_int_t)caindex, "siguuid", siguuid));
}

char *message_request_content(const char *siguuid, json_t *request)
{
	return print_owned(json_pack("{s:s, s:O}", "siguuid", siguuid, "request", request));
}

/* A cause may quote bytes of a certificate or a library; '?' stands for what no JSON text can hold.
 */
static json_t *readable_text(const char *text)
{
	json_t *value = json_string(text);
	CLEANUP(free) char *copy = value ? NULL : strdup(text);

	for (char *c = copy; c && *c; c++) {
		if (*c & 0x80)
			*c = '?';
	}
	return value ? value : json_string(copy);
}

char *message_result_content(bool success, const char *siguuid, const char *text)
{
	return print_owned(json_pack("{s:b, s:s, s:o}", "success", success, "siguuid", siguuid,
		"message", readable_text(text)));
}

char *message_registration_content(const char *serial, const char *thumbprint)
{
	return print_owned(json_pack("{s:s, s:s}", "serial", serial, "thumbprint", thumbprint));
}

char *message_solicit_payload(const char *uuid, double ttl_seconds, const char *smime)
{
	return print_owned(json_pack("{s:s, s:s?, s:o, s:s}", "type", type_name(MESSAGE_SOLICIT),
		"uuid", uuid, "ttl", ttl_value(ttl_seconds), "smime", smime));
}

char *message_offer_payload(const char *uuid, const char *siguuid, const char *smime)
{
	return print_owned(json_pack("{s:s, s:s, s:s, s:s}", "type", type_name(MESSAGE_OFFER),
		"uuid", uuid, "siguuid", siguuid, "smime", smime));
}

char *message_request_payload(const char *uuid, const char *siguuid, int64_t caindex,
	const char *signtype, double ttl_seconds, const char *smime)
{
	return print_owned(json_pack("{s:s, s:s, s:s*, s:I, s:s, s:o, s:s}", "type",
		type_name(MESSAGE_REQUEST), "uuid", uuid, "siguuid", siguuid, "caindex",
		(json_int_t)caindex, "signtype", signtype, "ttl", ttl_value(ttl_seconds), "smime",
		smime));
}

char *message_response_payload(const char *uuid, const char *siguuid, const char *smime)
{
	return print_owned(json_pack("{s:s, s:s, s:s, s:s}", "type", type_name(MESSAGE_RESPONSE),
		"siguuid", siguuid, "uuid", uuid, "smime", smime));
}

char *message_registration_body(const char *serial, const char *thumbprint, const char *smime)
{
	return print_owned(json_pack(
		"{s:s, s:s, s:s}", "serial", serial, "thumbprint", thumbprint, "smime", smime));
}

char *message_delivery_body(const char *smime)
{
	return print_owned(json_pack("{s:s}", "smime", smime));
}
