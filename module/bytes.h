/* SPDX-License-Identifier: Apache-2.0 */
/* A view of bytes that somebody else owns, and the cleanup idioms of the whole project. */
#ifndef IOTHSM_BYTES_H
#define IOTHSM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Never owns; data may be NULL only when len is 0 (NULL: absent, non-NULL with len 0: empty). */
struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){ data, len };
}

static inline struct bytes bytes_of_text(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Returns the CK_RV of an expression when it is not CKR_OK; the only macro that hides control flow.
 */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		CK_RV try_rv_ = (expr);                                                            \
		if (try_rv_ != CKR_OK)                                                             \
			return try_rv_;                                                            \
	} while (0)

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
