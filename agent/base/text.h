/* SPDX-License-Identifier: Apache-2.0 */
/* Hex, base64 and the blank-padded fields of PKCS#11. */
#ifndef IOTHSM_TEXT_H
#define IOTHSM_TEXT_H

#include "bytes.h"

/* Lower-case hex with NUL; out needs 2 * len + 1 bytes. */
void text_hex(char *out, struct bytes data);

/* False unless text is an even number of hex digits that fits in max bytes. */
bool text_from_hex(const char *text, uint8_t *out, size_t max, size_t *len);

/* RFC 4648 base64 on one line; freed by the caller, NULL when out of memory. */
char *text_base64(struct bytes data);

/* White space is skipped; NULL unless strictly valid. Freed by the caller. */
uint8_t *text_from_base64(const char *text, size_t len, size_t *out_len);

/* Copies text into a blank-padded field without NUL, cut at a character boundary (PKCS#11 3.0, 3).
 */
void text_pad(uint8_t *field, size_t field_len, const char *text);

/* The opposite: trims trailing blanks and NULs; out needs field_len + 1 bytes. */
void text_unpad(char *out, const uint8_t *field, size_t field_len);

#endif
