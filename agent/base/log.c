/* SPDX-License-Identifier: Apache-2.0 */
/* One line a fact to stderr, with the systemd <N> priority prefix. */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 1024 };

static _Atomic int log_level_now;

static int level_now(void)
{
	int level = atomic_load(&log_level_now);

	if (level == 0) {
		level = secure_getenv("IOTHSM_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
		atomic_store(&log_level_now, level);
	}
	return level;
}

void log_set_level(enum log_level level)
{
	atomic_store(&log_level_now, (int)level);
}

void log_write(enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list arguments;

	if ((int)level > level_now())
		return;
	int prefix = snprintf(line, sizeof(line), "<%d>", (int)level);

	va_start(arguments, format);
	int len = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, arguments);

	va_end(arguments);
	if (len < 0)
		return;
	size_t end = strlen(line);

	line[end] = '\n';
	/* One write a line, so that lines of threads do not mix; a closed stderr is nobody's fault.
	 */
	ssize_t written = write(STDERR_FILENO, line, end + 1);

	(void)written;
}

const char *log_quote(struct log_quoted *quoted, struct bytes outside)
{
	static const char hex[] = "0123456789abcdef";
	size_t out = 0;
	size_t in = 0;

	quoted->text[out++] = '"';
	for (; in < outside.len && out < LOG_QUOTE_MAX; in++) {
		uint8_t c = outside.data[in];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			quoted->text[out++] = (char)c;
			continue;
		}
		quoted->text[out++] = '\\';
		quoted->text[out++] = 'x';
		quoted->text[out++] = hex[c >> 4];
		quoted->text[out++] = hex[c & 15];
	}
	quoted->text[out++] = '"';
	if (in < outside.len) {
		quoted->text[out++] = '.';
		quoted->text[out++] = '.';
	}
	quoted->text[out] = '\0';
	return quoted->text;
}
