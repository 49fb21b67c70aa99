/* SPDX-License-Identifier: Apache-2.0 */
/* A CA's channel to the platform: its S/MIME key, in memory only, and the short-lived certificate
 * for it. */
#ifndef IOTHSM_CHANNEL_H
#define IOTHSM_CHANNEL_H

#include <pthread.h>

#include "job.h"

enum { CHANNEL_RENEW_SECONDS = 300 }; /* of life that a certificate still has when it signs */

struct channel {
	pthread_mutex_t lock; /* guards all below; held while the CA key signs a new certificate */
	EVP_PKEY *key;
	X509 *cert;
	uint64_t issued;
};

void channel_init(struct channel *channel);
void channel_reset(struct channel *channel);

/* Makes the key unless there is one. */
CK_RV channel_make_key(struct channel *channel);

/*
 * Signed only, and signed over enveloped. ca gives key and corrected clock for a new certificate,
 * made when the present one has less than five minutes to live. Freed by the caller; NULL on
 * failure (key_last_error() may say why).
 */
char *channel_sign(struct channel *channel, const struct job_ca *ca, struct bytes content);
char *channel_seal(
	struct channel *channel, const struct job_ca *ca, X509 *recipient, struct bytes content);

/* Of what was verified already; false for everything that is not for this key. Freed with
 * OPENSSL_free. */
bool channel_decrypt(
	struct channel *channel, struct bytes verified, uint8_t **content, size_t *len);
bool channel_open(struct channel *channel, struct bytes verified, uint8_t **content, size_t *len);

#endif
