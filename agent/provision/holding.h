/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates where they are kept: on the token, or in the store when the token cannot. */
#ifndef IOTHSM_HOLDING_H
#define IOTHSM_HOLDING_H

#include <openssl/x509.h>

#include "provision.h"

enum { HOLDING_MAX = 16, HOLDING_VALUE_MAX = 64 * 1024 };

struct holding {
	CK_OBJECT_HANDLE object; /* of the token, when stored is 0 */
	uint64_t stored;         /* id in the store */
};

struct holdings {
	size_t count;
	struct holding list[HOLDING_MAX];
};

/* One attribute of a token object, freed by the caller; an absent one is an empty value. */
CK_RV holding_read_attribute(const struct provision_token *token, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, struct bytes *value);

/* Token objects of a class with this CKA_ID; more than HOLDING_MAX are CKR_DEVICE_MEMORY. */
CK_RV holding_find(const struct provision_token *token, CK_OBJECT_CLASS class, struct bytes id,
	struct holdings *found);

/* The certificates with this CKA_ID, of the token and of the store. */
CK_RV holding_find_certificates(
	const struct provision_token *token, struct bytes id, struct holdings *found);

/* NULL when it is no readable X.509 certificate. */
X509 *holding_certificate(const struct provision_token *token, const struct holding *holding);

/* Written, read again and compared; on the store when the token keeps no certificates. */
CK_RV holding_write_certificate(const struct provision_token *token, const X509 *cert,
	struct bytes id, struct bytes label, struct holding *written);

/* The same, on the store in any case. */
CK_RV holding_store_certificate(
	const struct provision_token *token, const X509 *cert, struct bytes id, uint64_t *stored);

CK_RV holding_destroy(const struct provision_token *token, const struct holding *holding);

/* A copy as CKO_DATA without CKA_ID: a search by id finds the request of the key, not its past. */
CK_RV holding_keep_history(
	const struct provision_token *token, const struct holding *holding, uint64_t *history);

#endif
