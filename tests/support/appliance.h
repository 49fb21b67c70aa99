/* SPDX-License-Identifier: Apache-2.0 */
/* A small appliance with a software key, to test the stand-in without a token or the bridge. */
#ifndef IOTHSM_TEST_APPLIANCE_H
#define IOTHSM_TEST_APPLIANCE_H

#include <openssl/x509.h>

#include "bytes.h"

struct appliance;

struct appliance_settings {
	const char *directory; /* the stand-in's */
	X509 *ca;
	EVP_PKEY *ca_key;
	const char *
		product; /* answers every job with this text instead of its product; NULL: honest */
};

/* Registers and subscribes, then answers jobs from a thread; NULL when one of them fails. */
struct appliance *appliance_start(const struct appliance_settings *settings);
void appliance_stop(struct appliance *appliance);

#endif
