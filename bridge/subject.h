/* SPDX-License-Identifier: Apache-2.0 */
/* The subject of a certificate for people. */
#ifndef IOTHSM_SUBJECT_H
#define IOTHSM_SUBJECT_H

#include <openssl/x509.h>

enum { SUBJECT_MAX = 256 };

/* One line of UTF-8 by RFC 2253, cut off where it is too long. */
void subject_write(const X509 *cert, char out[SUBJECT_MAX]);

#endif
