/* SPDX-License-Identifier: Apache-2.0 */
/* Splits JSON text into its members without parsing them, so that one bad member hides no other. */
#include "skim.h"

static int peek(const struct skim *skim)
{
	return skim->at < skim->text.len ? skim->text.data[skim->at] : -1;
}

static void skip_space(struct skim *skim)
{
	while (peek(skim) == ' ' || peek(skim) == '\t' || peek(skim) == '\n' || peek(skim) == '\r')
		skim->at++;
}

static bool begin(struct skim *skim, struct bytes text, int bracket)
{
	*skim = (struct skim){ .text = text, .object = bracket == '{' };
	skip_space(skim);
	if (peek(skim) != bracket)
		return false;
	skim->at++;
	return true;
}

bool skim_object(struct skim *skim, struct bytes text)
{
	return begin(skim, text, '{');
}

bool skim_array(struct skim *skim, struct bytes text)
{
	return begin(skim, text, '[');
}

static bool skip_string(struct skim *skim)
{
	if (peek(skim) != '"')
		return false;
	for (skim->at++; skim->at < skim->text.len; skim->at++) {
		if (peek(skim) == '\\')
			skim->at++;
		else if (peek(skim) == '"')
			break;
	}
	skim->at++;
	return skim->at <= skim->text.len;
}

/* Brackets are counted, not matched by kind: whoever parses the member sees the difference. */
static bool skip_value(struct skim *skim)
{
	size_t depth = 0;

	for (; skim->at < skim->text.len; skim->at++) {
		int c = peek(skim);

		if (c == '"') {
			if (!skip_string(skim))
				return false;
			skim->at--;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
			return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

static bool take_key(struct skim *skim, struct bytes *key)
{
	size_t start = skim->at + 1;

	if (!skip_string(skim))
		return false;
	if (key)
		*key = bytes_of(skim->text.data + start, skim->at - 1 - start);
	skip_space(skim);
	if (peek(skim) != ':')
		return false;
	skim->at++;
	skip_space(skim);
	return true;
}

/* Over the comma before a member; at a closing bracket the text is complete. */
static bool find_member(struct skim *skim)
{
	if (skim->complete)
		return false;
	skip_space(skim);
	if (peek(skim) == (skim->object ? '}' : ']')) {
		skim->at++;
		skip_space(skim);
		skim->complete = skim->at == skim->text.len;
		return false;
	}
	if (skim->started) {
		if (peek(skim) != ',')
			return false;
		skim->at++;
		skip_space(skim);
	}
	skim->started = true;
	return true;
}

bool skim_next(struct skim *skim, struct bytes *key, struct bytes *value)
{
	if (!find_member(skim) || (skim->object && !take_key(skim, key)))
		return false;
	size_t start = skim->at;

	if (!skip_value(skim) || skim->at == start)
		return false;
	*value = bytes_of(skim->text.data + start, skim->at - start);
	return true;
}

bool skim_is_complete(const struct skim *skim)
{
	return skim->complete;
}
