/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens a rights section of agent.conf means: a serial number, a PKCS#11 URI, or all. */
#include "token_match.h"

#include "text.h"

/* Percent-decodes a value of a URI that ends at ';' or the end; *text is behind it afterwards. */
static bool read_value(const char **text, char *out, size_t room)
{
	size_t len = 0, read = 0;
	uint8_t c = 0;

	for (; **text && **text != ';'; len++) {
		char digits[3] = { 0 };

		c = (uint8_t) * *text;
		if (c == '%') {
			(void)strncpy(digits, *text + 1, 2);
			if (!text_from_hex(digits, &c, 1, &read) || read != 1 || c == 0)
				return false;
			*text += 2;
		}
		if (len + 1 >= room)
			return false;
		out[len] = (char)c;
		(*text)++;
	}
	out[len] = '\0';
	return len > 0;
}

static bool read_attribute(const char **text, struct token_match *match)
{
	static const char serial[] = "serial=", label[] = "token=";

	if (!match->by_serial && strncmp(*text, serial, sizeof(serial) - 1) == 0) {
		*text += sizeof(serial) - 1;
		match->by_serial = true;
		return read_value(text, match->serial, sizeof(match->serial));
	}
	if (!match->by_label && strncmp(*text, label, sizeof(label) - 1) == 0) {
		*text += sizeof(label) - 1;
		match->by_label = true;
		return read_value(text, match->label, sizeof(match->label));
	}
	return false;
}

static bool parse_uri(const char *text, struct token_match *match)
{
	while (read_attribute(&text, match)) {
		if (!*text)
			return true;
		text++; /* the ';' */
	}
	return false;
}

bool token_match_parse(const char *text, struct token_match *match)
{
	static const char scheme[] = "pkcs11:";
	size_t len = strlen(text);

	*match = (struct token_match){ 0 };
	if (strcmp(text, "*") == 0)
		return true;
	if (strncmp(text, scheme, sizeof(scheme) - 1) == 0)
		return parse_uri(text + sizeof(scheme) - 1, match);
	if (len == 0 || len >= sizeof(match->serial))
		return false;
	match->by_serial = true;
	memcpy(match->serial, text, len);
	return true;
}

enum token_match_result token_match_judge(
	const struct token_match *match, const struct token_name *token)
{
	if (match->by_serial && strcmp(match->serial, token->serial) != 0)
		return TOKEN_MATCH_NO;
	if (!match->by_label)
		return TOKEN_MATCH_YES;
	if (!token->label)
		return TOKEN_MATCH_PERHAPS;
	return strcmp(match->label, token->label) == 0 ? TOKEN_MATCH_YES : TOKEN_MATCH_NO;
}
