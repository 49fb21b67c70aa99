/* SPDX-License-Identifier: Apache-2.0 */
/* The one-line causes with which jobs fail. */
#include <stdarg.h>
#include <stdio.h>

#include "job_parts.h"

/* The text goes into JSON: a character that was cut in two would make that invalid. */
static void drop_cut_character(char *text, size_t len)
{
	size_t start = len;

	while (start > 0 && ((uint8_t)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start > 0 && (uint8_t)text[start - 1] >= 0xC0)
		text[start - 1] = '\0';
}

static void write_line(struct job_cause *cause, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void write_line(struct job_cause *cause, const char *format, va_list arguments)
{
	int len = vsnprintf(cause->text, sizeof(cause->text), format, arguments);

	if (len < 0)
		cause->text[0] = '\0';
	if (len >= (int)sizeof(cause->text))
		drop_cut_character(cause->text, sizeof(cause->text) - 1);
	for (char *at = cause->text; *at; at++) {
		if ((uint8_t)*at < 0x20 || *at == 0x7F)
			*at = '?';
	}
}

CK_RV job_cause_refuse(struct job_cause *cause, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(cause, format, arguments);
	va_end(arguments);
	return CKR_ARGUMENTS_BAD;
}

CK_RV job_cause_fail(struct job_cause *cause, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(cause, format, arguments);
	va_end(arguments);
	return CKR_FUNCTION_FAILED;
}

CK_RV job_cause_memory(struct job_cause *cause)
{
	(void)job_cause_fail(cause, "The appliance is out of memory; try again later");
	return CKR_HOST_MEMORY;
}
