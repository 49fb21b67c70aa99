/* SPDX-License-Identifier: Apache-2.0 */
/* A key made ready for provisioning: generated, and marked by the temporary certificate. */
#ifndef IOTHSM_PREPARE_H
#define IOTHSM_PREPARE_H

#include <openssl/x509.h>

#include "subject.h"

/* CKR_IOTHSM_SLOT_IN_USE when the key has a certificate already. */
CK_RV prepare_existing(struct subject *subject, X509 **cert);

/* As provision_generate(). */
CK_RV prepare_generate(const struct provision_token *token,
	const struct attributes *public_template, const struct attributes *private_template,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);

#endif
