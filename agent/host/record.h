/* SPDX-License-Identifier: Apache-2.0 */
/* Which private-key operations are recorded, and what of each: written before it is done. */
#ifndef IOTHSM_RECORD_H
#define IOTHSM_RECORD_H

#include "call.h"

/* What the front says: of the backend, or of one token of it. */
void record_configure(struct host *host, const struct link_message *message);

/* Of a token, made by its first operation under record. */
struct record;
void record_free(struct record *record);

/* After a change of the token's objects: which keys are under record is looked up again. */
void record_look_again(struct token *token);

/*
 * Before an operation with the key of the request begins: whether its use is recorded. The session
 * remembers it until session_end_own().
 */
CK_RV record_begin(struct request *request, enum operation operation);

/* What record_begin() left in a session. */
struct record_job;
void record_job_free(struct record_job **job);

/* A part of a message whose signature comes later. */
CK_RV record_part(struct session *session, enum operation operation, struct bytes part);

/*
 * Directly before the key is used, on this input or (NULL) on the parts so far; CKR_OK for a key
 * that is not under record. When it fails the key must not be used, and the operation has ended.
 */
CK_RV record_use(struct request *request, enum operation operation, const struct bytes *input);

/* The same for a call that is no operation of a session: derive, unwrap, wrap. */
CK_RV record_single(struct request *request, const struct object_view *key, const char *name,
	struct bytes input);

/* The same for a provisioning mechanism, of whatever key unless none is recorded. */
CK_RV record_provision(struct request *request, const struct object_view *key,
	CK_MECHANISM_TYPE type, struct bytes input);

#endif
