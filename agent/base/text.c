/* SPDX-License-Identifier: Apache-2.0 */
/* Hex, base64 and the blank-padded fields of PKCS#11. */
#include "text.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>

void text_hex(char *out, struct bytes data)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < data.len; i++) {
		*out++ = digits[data.data[i] >> 4];
		*out++ = digits[data.data[i] & 15];
	}
	*out = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_from_hex(const char *text, uint8_t *out, size_t max, size_t *len)
{
	size_t digits = strlen(text);

	if (digits % 2 != 0 || digits / 2 > max)
		return false;
	for (size_t i = 0; i < digits; i += 2) {
		int high = hex_digit(text[i]);
		int low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*len = digits / 2;
	return true;
}

char *text_base64(struct bytes data)
{
	if (data.len > INT_MAX / 2)
		return NULL;
	char *text = malloc((data.len + 2) / 3 * 4 + 1);

	if (text)
		(void)EVP_EncodeBlock((unsigned char *)text, data.data, (int)data.len);
	return text;
}

/* Copies all but white space; the number of characters. */
static size_t strip_white(char *out, const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		if (!strchr(" \t\r\n", text[i]))
			out[count++] = text[i];
	}
	return count;
}

uint8_t *text_from_base64(const char *text, size_t len, size_t *out_len)
{
	if (len > INT_MAX / 2 || memchr(text, '\0', len))
		return NULL;
	char *clean = malloc(len + 1);
	uint8_t *data = malloc(len / 4 * 3 + 4);
	size_t count = clean ? strip_white(clean, text, len) : 0;
	size_t padding = 0;

	while (padding < 2 && padding < count && clean[count - padding - 1] == '=')
		padding++;
	int decoded = -1;

	if (clean && data && count % 4 == 0 && !memchr(clean, '=', count - padding))
		decoded = EVP_DecodeBlock(data, (unsigned char *)clean, (int)count);
	free(clean);
	if (decoded < (int)padding) {
		free(data);
		return NULL;
	}
	*out_len = (size_t)decoded - padding;
	return data;
}

void text_pad(uint8_t *field, size_t field_len, const char *text)
{
	size_t len = strlen(text);

	if (len > field_len) {
		len = field_len;
		while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
			len--;
	}
	memset(field, ' ', field_len);
	memcpy(field, text, len);
}

void text_unpad(char *out, const uint8_t *field, size_t field_len)
{
	while (field_len > 0 && (field[field_len - 1] == ' ' || field[field_len - 1] == '\0'))
		field_len--;
	memcpy(out, field, field_len);
	out[field_len] = '\0';
}
