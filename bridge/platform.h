/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's HTTPS interface, and the check of everything that it signs. */
#ifndef IOTHSM_PLATFORM_H
#define IOTHSM_PLATFORM_H

#include "channel.h"
#include "config.h"
#include "pubnub.h"
#include "rest.h"

enum { PLATFORM_REASON_MAX = 200, PLATFORM_TIMEOUT_MS = 30 * 1000 };

struct platform;

/* config outlives it. CKR_ARGUMENTS_BAD when the anchor cannot be read. */
CK_RV platform_open(const struct config *config, struct platform **platform);
void platform_close(struct platform *platform);

/*
 * The content of a text signed under the pinned anchor within the accepted time; freed with
 * OPENSSL_free, *signer with X509_free. False with a reason otherwise.
 */
bool platform_verify(struct platform *platform, struct bytes text, uint8_t **content, size_t *len,
	X509 **signer, const char **reason);

/* Where a CA is talked to. */
struct platform_connection {
	char publish_key[PUBNUB_NAME_MAX + 1];
	char subscribe_key[PUBNUB_NAME_MAX + 1];
	char channel[PUBNUB_NAME_MAX + 1];
};

enum platform_outcome { PLATFORM_REGISTERED, PLATFORM_REFUSED, PLATFORM_FAILED, PLATFORM_OUTCOMES };

/* How the caller speaks and is stopped. */
struct platform_caller {
	struct rest *rest;
	const atomic_bool *cancel;
	struct channel *channel;
	const struct job_ca *ca;
	const char *serial;
	const char *thumbprint;
};

enum platform_outcome platform_register(struct platform *platform,
	const struct platform_caller *caller, struct platform_connection *connection,
	char reason[PLATFORM_REASON_MAX]);

/* smime: the sealed CRL. False with a reason when the platform did not take it; refused: it said
 * so itself. */
bool platform_deliver_crl(struct platform *platform, const struct platform_caller *caller,
	const char *smime, char reason[PLATFORM_REASON_MAX], bool *refused);

/* The reply to a registration, for any HTTP body; separate so that it can be tested. */
enum platform_outcome platform_parse_registration(
	struct bytes body, char **data, char reason[PLATFORM_REASON_MAX]);
bool platform_parse_connection(struct bytes content, struct platform_connection *connection);

#endif
