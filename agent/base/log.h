/* SPDX-License-Identifier: Apache-2.0 */
/* One line a fact to stderr, with the systemd <N> priority prefix. */
#ifndef IOTHSM_LOG_H
#define IOTHSM_LOG_H

#include "bytes.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Sets the least important level that is written; IOTHSM_DEBUG in the environment sets debug at
 * start. */
void log_set_level(enum log_level level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "topic: what happened name=value rv=CKR_NAME" */
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

enum { LOG_QUOTE_MAX = 160 };

/* A quoted, escaped and shortened form of outside text, for printing; lives in the caller's buffer.
 */
struct log_quoted {
	char text[LOG_QUOTE_MAX + 8];
};
const char *log_quote(struct log_quoted *quoted, struct bytes outside);

#endif
