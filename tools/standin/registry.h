/* SPDX-License-Identifier: Apache-2.0 */
/* The CAs the stand-in knows: every PEM file of a directory, read again at each look-up. */
#ifndef IOTHSM_STANDIN_REGISTRY_H
#define IOTHSM_STANDIN_REGISTRY_H

#include <openssl/x509.h>

#include "bytes.h"

enum { REGISTRY_CHANNEL_SIZE = 64 };

/* Freed with X509_free; NULL when no file holds the CA of this serial and thumbprint. */
X509 *registry_find(const char *directory, const char *serial, const char *thumbprint);

/* Makes a CA known; an already known one stays. */
bool registry_add(const char *directory, X509 *ca);

/* The channel on which a CA is spoken to. */
void registry_channel(char out[REGISTRY_CHANNEL_SIZE], const char *thumbprint);

#endif
