/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside, bounded: size, depth, no duplicate keys. */
#include "json.h"

/* jansson's own depth limit is compiled in and far higher. */
static bool depth_is_bounded(struct bytes text)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
			return false;
		else if (!in_string && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return true;
}

json_t *json_parse_bounded(struct bytes text, size_t max)
{
	json_error_t error;

	if (text.len == 0 || text.len > max || !depth_is_bounded(text))
		return NULL;
	return json_loadb((const char *)text.data, text.len,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
}

json_t *json_parse(struct bytes text)
{
	return json_parse_bounded(text, JSON_TEXT_MAX);
}

const char *json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

char *json_print(const json_t *value)
{
	return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}
