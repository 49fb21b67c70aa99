/* SPDX-License-Identifier: Apache-2.0 */
/* The HSM Provisioning Certificate: what it must be to serve as template. */
#ifndef IOTHSM_TEMPLATE_H
#define IOTHSM_TEMPLATE_H

#include <iothsm/pkcs11-3.2.h>
#include <openssl/x509.h>

#include "bytes.h"

/* CKR_IOTHSM_TEMPLATE_INVALID, CKR_IOTHSM_TEMPLATE_EXPIRED. */
CK_RV template_parse(struct bytes input, X509 **template);

/* The hash it is signed with, NULL when it has none of its own (Ed25519). */
const char *template_digest(X509 *template);

/* Its extensions in their order, without the key identifiers, which belong to another key. */
STACK_OF(X509_EXTENSION) * template_extensions(const X509 *template);

#endif
