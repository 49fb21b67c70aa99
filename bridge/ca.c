/* SPDX-License-Identifier: Apache-2.0 */
/* One CA: its certificate, its key in the token, its channel to the platform. */
#include "bridge_core.h"
#include "certificate.h"
#include "cleanup.h"
#include "log.h"
#include "subject.h"
#include "wallclock.h"

enum {
	REFUSED_FIRST_MS = 5 * 1000,
	REFUSED_MAX_MS = 15 * 60 * 1000,
	FAILED_FIRST_MS = 1000,
	FAILED_MAX_MS = 5 * 60 * 1000,
};

static bool set_names(struct ca *ca, X509 *cert)
{
	subject_write(cert, ca->subject);
	return certificate_serial_hex(cert, ca->serial) &&
	       certificate_thumbprint(cert, ca->thumbprint);
}

static bool set_key(struct ca *ca, struct bridge *bridge, const struct hsm_found *found)
{
	ca->hsm_key = hsm_key_new(bridge->hsm, found);
	if (!ca->hsm_key)
		return false;
	struct key_signer signer = hsm_key_signer(ca->hsm_key);

	ca->key = key_new(X509_get0_pubkey(found->cert), &signer);
	return ca->key != NULL;
}

struct ca *ca_new(struct bridge *bridge, const struct hsm_found *found, size_t index)
{
	struct ca *ca = calloc(1, sizeof(*ca));

	if (!ca)
		return NULL;
	ca->index = index;
	ca->name_order = bridge->config->subject_order ? JOB_NAME_SUBJECT : JOB_NAME_POLICY;
	ca->lack_seen = HSM_LACKS_BOTH;
	ca->refused = (struct backoff){ REFUSED_FIRST_MS, REFUSED_MAX_MS, 0 };
	ca->failed = (struct backoff){ FAILED_FIRST_MS, FAILED_MAX_MS, 0 };
	channel_init(&ca->channel);
	(void)pthread_mutex_init(&ca->crl_lock, NULL);
	if (X509_up_ref(found->cert) == 1)
		ca->cert = found->cert;
	if (!ca->cert || !set_names(ca, found->cert) || !set_key(ca, bridge, found)) {
		ca_free(ca);
		return NULL;
	}
	return ca;
}

void ca_free(struct ca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	channel_reset(&ca->channel);
	(void)pthread_mutex_destroy(&ca->crl_lock);
	free(ca);
}

size_t ca_count(struct bridge *bridge)
{
	(void)pthread_mutex_lock(&bridge->lock);
	size_t count = bridge->ca_count;

	(void)pthread_mutex_unlock(&bridge->lock);
	return count;
}

struct ca *ca_at(struct bridge *bridge, size_t index)
{
	return index < ca_count(bridge) ? bridge->cas[index] : NULL;
}

struct ca *ca_find(struct bridge *bridge, const char *serial, const char *thumbprint)
{
	size_t count = ca_count(bridge);

	for (size_t i = 0; i < count; i++) {
		struct ca *ca = bridge->cas[i];

		if (strcmp(ca->thumbprint, thumbprint) == 0 && strcmp(ca->serial, serial) == 0)
			return ca;
	}
	return NULL;
}

struct job_ca ca_job(struct ca *ca)
{
	return (struct job_ca){ .lib = key_library(),
		.cert = ca->cert,
		.key = ca->key,
		.name_order = ca->name_order,
		.now_s = wallclock_now_s() };
}
