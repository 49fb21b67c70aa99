/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#10 requests of a key, as a template describes them. */
#ifndef IOTHSM_REQUEST_H
#define IOTHSM_REQUEST_H

#include <openssl/x509.h>

#include "subject.h"

/* DER of the request, signed and verified, freed with OPENSSL_free. */
CK_RV request_make(const struct subject *subject, X509 *template, uint8_t **der, size_t *len);

/* Keeps it as the one request of the key. */
CK_RV request_keep(const struct subject *subject, struct bytes der);

#endif
