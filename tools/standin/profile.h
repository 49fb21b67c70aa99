/* SPDX-License-Identifier: Apache-2.0 */
/* What an appliance's S/MIME certificate must look like before the platform trusts it. */
#ifndef IOTHSM_STANDIN_PROFILE_H
#define IOTHSM_STANDIN_PROFILE_H

#include <openssl/x509.h>

#include "bytes.h"

/*
 * NULL when the certificate has exactly the profile of an ephemeral certificate of this CA and is
 * valid at now_s; else the first fault, a fixed text. The CA's signature on it is checked by who
 * verifies the message.
 */
const char *profile_fault(X509 *cert, X509 *ca, int64_t now_s);

#endif
