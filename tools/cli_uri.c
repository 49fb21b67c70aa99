/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#11 URIs (RFC 7512): made for tokens and keys, and read to choose a token. */
#include "cli_uri.h"

#include <ctype.h>
#include <stdio.h>

#include "text.h"

static const char uri_scheme[] = "pkcs11:";

struct uri_attribute {
	const char *name;
	size_t offset;
};

static const struct uri_attribute attributes[] = {
	{ "token", offsetof(struct cli_uri, token) },
	{ "serial", offsetof(struct cli_uri, serial) },
	{ "manufacturer", offsetof(struct cli_uri, manufacturer) },
	{ "model", offsetof(struct cli_uri, model) },
	{ "object", offsetof(struct cli_uri, object) },
	{ "id", offsetof(struct cli_uri, id) },
};

bool cli_uri_is_uri(const char *text)
{
	return strncmp(text, uri_scheme, strlen(uri_scheme)) == 0;
}

/* Percent-decodes at most max bytes; false for a bad escape or too long a value. */
static bool uri_decode(struct bytes text, uint8_t *out, size_t max, size_t *len)
{
	size_t used = 0;

	for (size_t i = 0; i < text.len; i++) {
		char digits[3] = "";
		size_t one;

		if (used == max)
			return false;
		if (text.data[i] != '%') {
			out[used++] = text.data[i];
			continue;
		}
		if (text.len - i < 3)
			return false;
		memcpy(digits, text.data + i + 1, 2);
		if (!text_from_hex(digits, &out[used++], 1, &one))
			return false;
		i += 2;
	}
	*len = used;
	return true;
}

static const char *uri_take_attribute(struct cli_uri *uri, struct bytes name, struct bytes value)
{
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		uint8_t *field = (uint8_t *)uri + attributes[i].offset;
		size_t len;

		if (!bytes_equal(name, bytes_of_text(attributes[i].name)))
			continue;
		if (!uri_decode(value, field, CLI_URI_VALUE_MAX, &len))
			return "a value is too long or has a bad % escape";
		if (field == uri->id) {
			uri->id_len = len;
			return NULL;
		}
		field[len] = '\0';
		return strlen((char *)field) == len ? NULL : "a value holds %00";
	}
	/* The type of an object does not choose a token. */
	if (bytes_equal(name, bytes_of_text("type")))
		return NULL;
	return "an attribute is not known here (token, serial, manufacturer, model, object, id, "
	       "type are)";
}

bool cli_uri_parse(const char *text, struct cli_uri *uri, const char **why)
{
	const char *at = text + strlen(uri_scheme);
	struct cli_uri parsed = { 0 };

	*why = "it does not begin with pkcs11:";
	if (!cli_uri_is_uri(text))
		return false;
	*why = "the part after ? is not used here; use --module and --pin-file";
	if (strchr(text, '?'))
		return false;
	while (*at) {
		size_t len = strcspn(at, ";");
		const char *equal = memchr(at, '=', len);

		*why = "an attribute has no =";
		if (!equal)
			return false;
		*why = uri_take_attribute(&parsed, bytes_of(at, (size_t)(equal - at)),
			bytes_of(equal + 1, len - (size_t)(equal + 1 - at)));
		if (*why)
			return false;
		at += len + (at[len] == ';');
	}
	*uri = parsed;
	*why = NULL;
	return true;
}

struct uri_writer {
	char *out;
	size_t len;
	bool full;
};

static void uri_put(struct uri_writer *writer, const char *text)
{
	size_t len = strlen(text);

	if (writer->full || writer->len + len >= CLI_URI_MAX) {
		writer->full = true;
		return;
	}
	memcpy(writer->out + writer->len, text, len + 1);
	writer->len += len;
}

/* RFC 7512, 2.3: unreserved characters and some more may stand as they are; everything in an id is
 * escaped. */
static void uri_put_attribute(
	struct uri_writer *writer, const char *name, struct bytes value, bool escape_all)
{
	if (value.len == 0)
		return;
	uri_put(writer, writer->len > strlen(uri_scheme) ? ";" : "");
	uri_put(writer, name);
	uri_put(writer, "=");
	for (size_t i = 0; i < value.len; i++) {
		char piece[4] = { (char)value.data[i], '\0' };

		if (escape_all ||
			!(isalnum(value.data[i]) ||
				(value.data[i] && strchr("-._~:[]@!$'()*+,=&", value.data[i]))))
			(void)snprintf(piece, sizeof(piece), "%%%02X", value.data[i]);
		uri_put(writer, piece);
	}
}

bool cli_uri_print(const struct cli_uri *uri, const char *type, char out[CLI_URI_MAX])
{
	struct uri_writer writer = { out, 0, false };

	uri_put(&writer, uri_scheme);
	uri_put_attribute(&writer, "model", bytes_of_text(uri->model), false);
	uri_put_attribute(&writer, "manufacturer", bytes_of_text(uri->manufacturer), false);
	uri_put_attribute(&writer, "serial", bytes_of_text(uri->serial), false);
	uri_put_attribute(&writer, "token", bytes_of_text(uri->token), false);
	uri_put_attribute(&writer, "id", bytes_of(uri->id, uri->id_len), true);
	uri_put_attribute(&writer, "object", bytes_of_text(uri->object), false);
	if (type)
		uri_put_attribute(&writer, "type", bytes_of_text(type), false);
	return !writer.full;
}
