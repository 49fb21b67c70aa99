/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of a session and the shapes of the calls that drive them (PKCS#11 3.0, 5.2 and 5.8
 * to 5.17). */
#ifndef IOTHSM_OPERATION_H
#define IOTHSM_OPERATION_H

#include "call.h"

typedef CK_RV operation_key_init(
	CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
typedef CK_RV operation_in_out(
	CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);
typedef CK_RV operation_in(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len);
typedef CK_RV operation_out(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len);

/* A set of enum operation. */
static inline unsigned operation_bit(enum operation operation)
{
	return 1U << operation;
}

/* Init; without a mechanism the running operation ends (3.0). */
CK_RV operation_begin(struct request *request, enum operation operation, operation_key_init *init);

/* The Init that came along with a one-part call, if one did. */
CK_RV operation_begin_merged(
	struct request *request, enum operation operation, operation_key_init *init);

CK_RV operation_check_active(const struct session *session, unsigned operations);

/* In a running operation. final: a success ends it; others go on. */
CK_RV operation_run_in_out(struct request *request, unsigned operations, bool final,
	operation_in_out *call, struct bytes input);
CK_RV operation_run_in(
	struct request *request, enum operation operation, operation_in *call, struct bytes input);
CK_RV operation_run_out(struct request *request, enum operation operation, operation_out *call);

/* Ends the operations that a result ends, and says the result. */
CK_RV operation_settle(struct session *session, unsigned operations, bool goes_on, CK_RV rv);

/* The caller's buffer: NULL for a length query. */
CK_RV operation_take_room(struct request *request, CK_BYTE **buffer, CK_ULONG *len);
void operation_give(struct request *request, const CK_BYTE *buffer, CK_ULONG len, CK_RV rv);

#endif
