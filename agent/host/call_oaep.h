/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption and decryption with RSA-OAEP over the backend's raw RSA. */
#ifndef IOTHSM_CALL_OAEP_H
#define IOTHSM_CALL_OAEP_H

#include "operation.h"

/* After the backend refused the parameters: the operation begins as raw RSA, or the refusal is
 * returned. */
CK_RV call_oaep_begin(
	struct request *request, enum operation operation, operation_key_init *init, CK_RV refusal);

/* In an operation that began so. */
CK_RV call_oaep_encrypt(struct request *request);
CK_RV call_oaep_decrypt(struct request *request);

#endif
