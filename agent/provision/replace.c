/* SPDX-License-Identifier: Apache-2.0 */
/* The rule by which a key's certificate takes the place of its older ones. */
#include "replace.h"

#include "cleanup.h"
#include "log.h"

CK_RV replace_check(struct subject *subject, struct holdings *old)
{
	TRY(holding_find_certificates(subject->token, subject->id, old));
	for (size_t i = 0; i < old->count; i++) {
		CLEANUP(x509) X509 *cert = holding_certificate(subject->token, &old->list[i]);
		CK_RV rv =
			cert ? subject_check_certificate(subject, cert) : CKR_IOTHSM_KEY_MISMATCH;

		if (rv == CKR_IOTHSM_KEY_MISMATCH)
			log_warn("provision: the certificate under the key's CKA_ID has another "
				 "public key and is not replaced; remove it or use another id");
		TRY(rv);
	}
	return CKR_OK;
}

/* The old ones that are not this very certificate; false when all are others. */
static bool leave_out_held(const struct provision_token *token, const X509 *cert,
	const struct holdings *old, struct holdings *others)
{
	others->count = 0;
	for (size_t i = 0; i < old->count; i++) {
		CLEANUP(x509) X509 *held = holding_certificate(token, &old->list[i]);

		if (!held || X509_cmp(held, cert) != 0)
			others->list[others->count++] = old->list[i];
	}
	return others->count < old->count;
}

static void forget_history(
	const struct provision_token *token, const uint64_t *history, size_t from, size_t count)
{
	for (size_t i = from; i < count; i++) {
		if (history[i] && store_remove(token->store, history[i]) != CKR_OK)
			log_warn("provision: a history object is left over id=%llu",
				(unsigned long long)history[i]);
	}
}

/* Copies first: what fails for want of room fails before anything is destroyed. */
static CK_RV retire(const struct provision_token *token, const struct holdings *old)
{
	uint64_t history[HOLDING_MAX] = { 0 };
	size_t destroyed = 0;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < old->count && rv == CKR_OK; i++)
		rv = holding_keep_history(token, &old->list[i], &history[i]);
	while (destroyed < old->count && rv == CKR_OK) {
		rv = holding_destroy(token, &old->list[destroyed]);
		if (rv == CKR_OK)
			destroyed++;
	}
	if (rv == CKR_OK)
		return CKR_OK;
	forget_history(token, history, destroyed, old->count);
	if (destroyed == 0)
		return rv;
	/* One is gone already, so there is no way back; another of the same key does no harm. */
	log_warn("provision: an old certificate of the key stays beside the new one rv=0x%lx", rv);
	return CKR_OK;
}

CK_RV replace_with(const struct subject *subject, const X509 *cert, const struct holdings *old)
{
	const struct provision_token *token = subject->token;
	struct holding written;
	struct holdings others;

	if (leave_out_held(token, cert, old, &others))
		return retire(token, &others);
	TRY(holding_write_certificate(token, cert, subject->id, subject->label, &written));
	CK_RV rv = retire(token, old);

	if (rv != CKR_OK) {
		log_error("provision: the old certificate cannot be retired, so the new one is "
			  "taken back rv=0x%lx",
			rv);
		(void)holding_destroy(token, &written);
	}
	return rv;
}
