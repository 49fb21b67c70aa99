/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a key would be asked to sign it. */
#ifndef IOTHSM_CLI_SIGNABLE_H
#define IOTHSM_CLI_SIGNABLE_H

#include <iothsm/pkcs11-3.2.h>
#include <openssl/x509.h>

#include "signed.h"

struct cli_signable {
	const char *what; /* "certificate"… */
	uint8_t *tbs;     /* freed by cli_signable_reset() */
	size_t len;
	CK_MECHANISM_TYPE mechanism; /* of the hash that it is signed with, if it says one */
};

/*
 * PEM or DER of a certificate, a revocation list or a request, or the to-be-signed bytes of
 * anything. A request of another key stands for a certificate of one day that grants all it asks
 * for; ca, its issuer, may be NULL.
 */
bool cli_signable_read(struct bytes input, const X509 *ca, const uint8_t own[SIGNED_SPKI_LEN],
	struct cli_signable *out);
void cli_signable_reset(struct cli_signable *signable);

#endif
