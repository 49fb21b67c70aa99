/* SPDX-License-Identifier: Apache-2.0 */
/* Provisioning mechanisms as operations of a session: collect the message, run once, remember the
 * result. */
#ifndef IOTHSM_PROVISIONING_H
#define IOTHSM_PROVISIONING_H

#include "call.h"

/* Init with a provisioning mechanism; one that is pending starts anew. */
CK_RV provisioning_begin(struct request *request, enum operation operation);

/* Whether a provisioning job is the running operation of this kind. */
bool provisioning_is_for(const struct session *session, enum operation operation);

CK_RV provisioning_update(struct request *request);

/* One-part: the message is the call's data. Otherwise what was collected. */
CK_RV provisioning_sign(struct request *request, bool one_part);
CK_RV provisioning_verify(struct request *request, bool one_part);

CK_RV provisioning_generate(struct request *request);

/* Before and after a certificate is created: the check against its key and the replace rule. */
CK_RV provisioning_check_certificate(struct request *request, CK_OBJECT_HANDLE *replaced);
CK_RV provisioning_retire_certificate(struct request *request, CK_OBJECT_HANDLE replaced);

/* Ends the running job if it is one of a set of operations. */
void provisioning_cancel(struct session *session, unsigned operations);

void provisioning_free(struct provisioning_job **job);

#endif
