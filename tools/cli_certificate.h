/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for people: their fields, and what a provisioning certificate will make of a key. */
#ifndef IOTHSM_CLI_CERTIFICATE_H
#define IOTHSM_CLI_CERTIFICATE_H

#include <jansson.h>
#include <openssl/x509.h>

#include "cli.h"

/* Adds subject, issuer, serial, validity, fingerprints and kind to an object. */
void cli_certificate_describe(const X509 *cert, json_t *object);

/* Says on stderr which extensions a template brings, and what is unusual about it; the number of
 * warnings. */
int cli_certificate_review(const struct cli *cli, const X509 *template);

#endif
