/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys and certificates of one token, and which of them belong together. */
#ifndef IOTHSM_HSM_HOLDINGS_H
#define IOTHSM_HSM_HOLDINGS_H

#include "hsm.h"

enum { HSM_OBJECTS_MAX = 256 };

struct hsm_certificate {
	uint8_t id[HSM_ID_MAX];
	size_t id_len;
	X509 *cert; /* owned */
	bool used;  /* its private key is here */
};

/* A private key, by its public half. */
struct hsm_pair {
	uint8_t id[HSM_ID_MAX];
	size_t id_len;
	EVP_PKEY *key; /* owned */
	bool used;     /* it has a certificate */
};

struct hsm_holdings {
	size_t cert_count;
	struct hsm_certificate certs[HSM_OBJECTS_MAX];
	size_t pair_count;
	struct hsm_pair pairs[HSM_OBJECTS_MAX];
};

/*
 * Calls take for each private key with the newest of its certificates, then for what is alone.
 * Certificates that only complete the chain of another one are no news.
 */
void hsm_holdings_report(
	struct hsm_holdings *holdings, size_t token, hsm_take *take, void *context);
void hsm_holdings_free(struct hsm_holdings *holdings);

#endif
