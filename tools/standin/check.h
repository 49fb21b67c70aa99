/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the product of a job is what was asked for, by own code over OpenSSL. */
#ifndef IOTHSM_STANDIN_CHECK_H
#define IOTHSM_STANDIN_CHECK_H

#include <jansson.h>
#include <openssl/x509.h>

#include "bytes.h"

/* One finished job. */
struct check_job {
	X509 *ca;
	const json_t *request;
	const char *text; /* the product */
	int64_t now_s;
};

/* NULL when the product of this signtype is right, else a fixed text that says what is wrong. */
const char *check_product(const char *signtype, const struct check_job *job);

/* By signtype. */
const char *check_certificate(const struct check_job *job);
const char *check_crl(const struct check_job *job);
const char *check_cms(const struct check_job *job);

/* Shared: within five minutes, since the clocks of both sides may differ. */
bool check_is_near(const ASN1_TIME *time, int64_t wanted_s);

/* True when text is exactly one PEM block of this label with one trailing LF. */
bool check_is_one_pem(const char *text, const char *label);

#endif
