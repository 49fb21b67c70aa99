/* SPDX-License-Identifier: Apache-2.0 */
/* The policy beside the key: which block counts for a key, and what of it is refused. */
#ifndef IOTHSM_POLICE_H
#define IOTHSM_POLICE_H

#include "call.h"

enum { POLICE_PARTS_MAX = 4 * 1024 * 1024 }; /* of one message that is signed in parts */

/* What a session remembers of a signature under policy. */
struct police_job;
void police_job_free(struct police_job **job);

/* Before an operation with the key of the request begins. */
CK_RV police_begin(struct request *request, enum operation operation);

/* A part of a message whose signature comes later. */
CK_RV police_part(struct request *request);

/* Directly before the signature of the whole message, or (NULL) of the parts so far. */
CK_RV police_sign(struct request *request, const struct bytes *whole);

/* A use of the key that shows nothing of what it is for; how: "derive"… */
CK_RV police_use(struct request *request, const struct object_view *key, const char *how);

/* A provisioning mechanism. */
CK_RV police_provision(
	struct request *request, const struct object_view *key, CK_MECHANISM_TYPE type);

/* After a certificate was stored with its key: the default block, if it is a CA's. */
void police_adopt(struct host *host, struct bytes der);

#endif
