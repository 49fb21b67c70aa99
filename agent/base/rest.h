/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS requests by libcurl with bounded replies and deadlines. */
#ifndef IOTHSM_REST_H
#define IOTHSM_REST_H

#include <iothsm/pkcs11-3.2.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "bytes.h"

struct rest; /* one connection cache; used by one thread at a time */

struct rest_request {
	const char *url;
	const char *method;         /* NULL: GET, or POST when a body is given */
	const char *const *headers; /* "Name: value", ended by NULL; NULL: none */
	struct bytes body;          /* data NULL: none */
	long timeout_ms;            /* the whole transaction */
	long quiet_ms;              /* until the body begins; 0: no limit of its own */
	size_t reply_max;           /* bytes */
	const atomic_bool
		*cancel; /* NULL or a flag that ends the transaction soon after it is set */
};

struct rest_reply {
	long status; /* HTTP status */
	char *body;  /* NUL-terminated, freed by rest_reply_reset() */
	size_t len;
	char content_type[128];
	char date[64];   /* the Date header, or empty */
	char error[256]; /* what went wrong when no reply came */
	bool quiet;      /* nothing else went wrong than that quiet_ms passed */
};

/* tls_ca: PEM file of the only trusted anchors, NULL for the system's. NULL when out of memory. */
struct rest *rest_new(const char *tls_ca);
void rest_free(struct rest *rest);

/* CKR_OK when any HTTP reply came, whatever its status; else CKR_DEVICE_ERROR with reply->error. */
CK_RV rest_send(struct rest *rest, const struct rest_request *request, struct rest_reply *reply);
void rest_reply_reset(struct rest_reply *reply);

/* From another thread: a rest_send() under way looks at its cancel flag at once, not within a
 * second. */
void rest_wake(struct rest *rest);

/* Percent-encodes all but RFC 3986 unreserved characters; freed by the caller. */
char *rest_escape(struct bytes text);

#endif
