/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the module is in use: C_Initialize, C_Finalize and what a fork leaves behind. */
#ifndef IOTHSM_LIBRARY_H
#define IOTHSM_LIBRARY_H

#include <iothsm/pkcs11-3.2.h>

#include "bytes.h"

/* CKR_CRYPTOKI_NOT_INITIALIZED before C_Initialize, after C_Finalize and in a forked child. */
CK_RV library_check(void);

/* Counts C_Initialize: what began under another number has been ended by C_Finalize. */
uint64_t library_generation(void);

CK_RV library_start(void);
CK_RV library_stop(void);

/* One line to stderr, only when IOTHSM_DEBUG is set. */
void library_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Copies text into a blank-padded PKCS#11 field without NUL. */
void library_pad(CK_UTF8CHAR *field, size_t len, const char *text);

#endif
