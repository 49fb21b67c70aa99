/* SPDX-License-Identifier: Apache-2.0 */
/* A CA's channel to the platform: its S/MIME key, in memory only, and the short-lived certificate
 * for it. */
#include "channel.h"

#include <time.h>

#include "certificate.h"
#include "cleanup.h"
#include "envelope.h"
#include "key.h"
#include "log.h"
#include "wallclock.h"

enum { CHANNEL_KEY_BITS = 2048 };

void channel_init(struct channel *channel)
{
	*channel = (struct channel){ 0 };
	(void)pthread_mutex_init(&channel->lock, NULL);
}

void channel_reset(struct channel *channel)
{
	X509_free(channel->cert);
	EVP_PKEY_free(channel->key); /* OpenSSL wipes it */
	(void)pthread_mutex_destroy(&channel->lock);
}

static CK_RV make_key_locked(struct channel *channel)
{
	int64_t start_ms = wallclock_uptime_ms();

	if (channel->key)
		return CKR_OK;
	channel->key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)CHANNEL_KEY_BITS);
	if (!channel->key) {
		log_error("channel: cannot make the S/MIME key");
		return CKR_FUNCTION_FAILED;
	}
	log_info("channel: S/MIME key made ms=%lld", (long long)(wallclock_uptime_ms() - start_ms));
	return CKR_OK;
}

CK_RV channel_make_key(struct channel *channel)
{
	(void)pthread_mutex_lock(&channel->lock);
	CK_RV rv = make_key_locked(channel);

	(void)pthread_mutex_unlock(&channel->lock);
	return rv;
}

static bool seconds_between(const ASN1_TIME *from, const ASN1_TIME *to, int64_t *seconds)
{
	int days = 0;
	int rest = 0;

	if (ASN1_TIME_diff(&days, &rest, from, to) != 1)
		return false;
	*seconds = (int64_t)days * 86400 + rest;
	return true;
}

static bool is_fresh(const X509 *cert, int64_t now_s)
{
	int64_t age_s = -1;
	int64_t life_s = 0;
	ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)now_s);
	bool known = now && seconds_between(X509_get0_notBefore(cert), now, &age_s) &&
		     seconds_between(now, X509_get0_notAfter(cert), &life_s);

	ASN1_TIME_free(now);
	return known && age_s >= 0 && life_s >= CHANNEL_RENEW_SECONDS;
}

/* The CA key lives in a library context of its own; what S/MIME uses belongs to the default one. */
static X509 *move_to_default_library(const X509 *cert)
{
	uint8_t *der = NULL;
	int len = certificate_der(cert, &der);
	X509 *moved = len > 0 ? certificate_parse(NULL, bytes_of(der, (size_t)len)) : NULL;

	OPENSSL_free(der);
	return moved;
}

static CK_RV renew_locked(struct channel *channel, const struct job_ca *ca)
{
	TRY(make_key_locked(channel));
	if (channel->cert && is_fresh(channel->cert, ca->now_s))
		return CKR_OK;
	CLEANUP(x509) X509 *issued = job_issue_ephemeral(ca, channel->key);

	if (!issued)
		return key_last_error() != CKR_OK ? key_last_error() : CKR_FUNCTION_FAILED;
	X509 *cert = move_to_default_library(issued);

	if (!cert)
		return CKR_HOST_MEMORY;
	X509_free(channel->cert);
	channel->cert = cert;
	channel->issued++;
	log_info("channel: S/MIME certificate issued count=%llu",
		(unsigned long long)channel->issued);
	return CKR_OK;
}

/* References to key and certificate, so that signing needs no lock. */
static CK_RV take_identity(
	struct channel *channel, const struct job_ca *ca, struct envelope_identity *identity)
{
	(void)pthread_mutex_lock(&channel->lock);
	CK_RV rv = renew_locked(channel, ca);

	if (rv == CKR_OK && (X509_up_ref(channel->cert) != 1 || EVP_PKEY_up_ref(channel->key) != 1))
		rv = CKR_FUNCTION_FAILED;
	if (rv == CKR_OK)
		*identity = (struct envelope_identity){ channel->cert, channel->key };
	(void)pthread_mutex_unlock(&channel->lock);
	return rv;
}

char *channel_sign(struct channel *channel, const struct job_ca *ca, struct bytes content)
{
	struct envelope_identity identity;

	if (take_identity(channel, ca, &identity) != CKR_OK)
		return NULL;
	CLEANUP(x509) X509 *cert = identity.cert;
	CLEANUP(pkey) EVP_PKEY *key = identity.key;

	return envelope_sign(&identity, content);
}

char *channel_seal(
	struct channel *channel, const struct job_ca *ca, X509 *recipient, struct bytes content)
{
	struct envelope_identity identity;

	if (take_identity(channel, ca, &identity) != CKR_OK)
		return NULL;
	CLEANUP(x509) X509 *cert = identity.cert;
	CLEANUP(pkey) EVP_PKEY *key = identity.key;

	return envelope_seal(&identity, recipient, content);
}

static EVP_PKEY *take_key(struct channel *channel)
{
	(void)pthread_mutex_lock(&channel->lock);
	EVP_PKEY *key = channel->key;

	if (key && EVP_PKEY_up_ref(key) != 1)
		key = NULL;
	(void)pthread_mutex_unlock(&channel->lock);
	return key;
}

bool channel_decrypt(struct channel *channel, struct bytes verified, uint8_t **content, size_t *len)
{
	CLEANUP(pkey) EVP_PKEY *key = take_key(channel);

	return key && envelope_decrypt(key, verified, content, len);
}

bool channel_open(struct channel *channel, struct bytes verified, uint8_t **content, size_t *len)
{
	CLEANUP(pkey) EVP_PKEY *key = take_key(channel);

	return key && envelope_open_inner(key, verified, content, len);
}
