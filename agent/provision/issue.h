/* SPDX-License-Identifier: Apache-2.0 */
/* Self-signed certificates of a key: the root that a template describes, and the temporary one. */
#ifndef IOTHSM_ISSUE_H
#define IOTHSM_ISSUE_H

#include <openssl/x509.h>

#include "subject.h"

/* Signed, read again from its DER and verified. */
CK_RV issue_root(const struct subject *subject, X509 *template, X509 **cert);
CK_RV issue_temporary(const struct subject *subject, X509 **cert);

#endif
