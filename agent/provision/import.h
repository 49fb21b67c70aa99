/* SPDX-License-Identifier: Apache-2.0 */
/* Import of a signed certificate, alone or with the certificates of its issuers. */
#ifndef IOTHSM_IMPORT_H
#define IOTHSM_IMPORT_H

#include <openssl/x509.h>

#include "subject.h"

/*
 * Takes the key's certificate out of the input and keeps it; its issuers go to the store.
 * CKR_IOTHSM_TEMPLATE_INVALID for what is no certificate, CKR_IOTHSM_KEY_MISMATCH when none has the
 * key.
 */
CK_RV import_certificate(struct subject *subject, struct bytes input, X509 **cert);

#endif
