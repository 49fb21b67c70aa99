/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the CA keys of all tokens: one certificate for each private key. */
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "hsm_token.h"
#include "log.h"

#define LABEL_ATTESTATION "PIV Attestation"

enum { OBJECTS_MAX = 256, LABEL_MAX = 256, SLOTS_MAX = 256 };

/* The certificates of a token that may stand for a key. */
struct candidates {
	size_t count;
	X509 *certs[OBJECTS_MAX];
};

static CK_RV find_all(CK_FUNCTION_LIST *functions, CK_SESSION_HANDLE session,
	CK_OBJECT_HANDLE *handles, size_t max, size_t *count)
{
	CK_ULONG got = 1;

	*count = 0;
	while (got > 0 && *count < max) {
		TRY(functions->C_FindObjects(session, handles + *count, max - *count, &got));
		*count += got;
	}
	return CKR_OK;
}

CK_RV hsm_find(CK_FUNCTION_LIST *functions, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class,
	struct bytes id, CK_OBJECT_HANDLE *handles, size_t max, size_t *count)
{
	uint8_t id_copy[HSM_ID_MAX];
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, id_copy, id.len },
	};

	if (id.len > sizeof(id_copy))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (id.len > 0)
		memcpy(id_copy, id.data, id.len);
	TRY(functions->C_FindObjectsInit(session, template, id.len > 0 ? 2 : 1));
	CK_RV rv = find_all(functions, session, handles, max, count);
	CK_RV final_rv = functions->C_FindObjectsFinal(session);

	return rv != CKR_OK ? rv : final_rv;
}

/* One attribute into a buffer of the caller; false when it is absent, hidden or larger. */
static bool read_attribute(struct hsm *hsm, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, uint8_t *data, size_t max, size_t *len)
{
	CK_ATTRIBUTE attribute = { type, data, max };

	if (hsm->functions->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK ||
		attribute.ulValueLen > max)
		return false;
	*len = attribute.ulValueLen;
	return true;
}

static bool is_attestation(struct hsm *hsm, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	uint8_t label[LABEL_MAX];
	size_t len = 0;

	return read_attribute(hsm, session, object, CKA_LABEL, label, sizeof(label), &len) &&
	       memmem(label, len, LABEL_ATTESTATION, strlen(LABEL_ATTESTATION));
}

static X509 *read_certificate(struct hsm *hsm, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	size_t len = 0;
	CLEANUP(free) uint8_t *der = malloc(CERTIFICATE_INPUT_MAX);

	if (!der ||
		!read_attribute(
			hsm, session, object, CKA_VALUE, der, CERTIFICATE_INPUT_MAX, &len) ||
		len == 0)
		return NULL;
	/* In the private library: job_ca needs it there. */
	return certificate_parse(key_library(), bytes_of(der, len));
}

static CK_RV read_candidates(
	struct hsm *hsm, CK_SESSION_HANDLE session, struct candidates *candidates)
{
	CK_OBJECT_HANDLE handles[OBJECTS_MAX];
	size_t count = 0;

	TRY(hsm_find(hsm->functions, session, CKO_CERTIFICATE, bytes_of(NULL, 0), handles,
		OBJECTS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		CLEANUP(x509) X509 *cert = read_certificate(hsm, session, handles[i]);

		if (!cert || certificate_is_temporary(cert) ||
			is_attestation(hsm, session, handles[i]))
			continue;
		candidates->certs[candidates->count++] = steal(&cert);
	}
	return CKR_OK;
}

/* The newest of those with this public key. */
static X509 *choose(const struct candidates *candidates, const EVP_PKEY *public_key)
{
	X509 *best = NULL;

	for (size_t i = 0; i < candidates->count; i++) {
		X509 *cert = candidates->certs[i];

		if (!certificate_has_key(cert, public_key))
			continue;
		if (!best ||
			ASN1_TIME_compare(X509_get0_notBefore(cert), X509_get0_notBefore(best)) > 0)
			best = cert;
	}
	return best;
}

/* Where a scan stands. */
struct scan {
	struct hsm *hsm;
	struct hsm_token *token;
	size_t index;
	hsm_take *take;
	void *context;
};

static void take_key(
	const struct scan *scan, CK_OBJECT_HANDLE object, const struct candidates *candidates)
{
	uint8_t id[HSM_ID_MAX];
	size_t id_len = 0;
	struct key_session session = { scan->hsm->functions, hsm_token_view(scan->token).slot,
		scan->token->session, object };
	CLEANUP(pkey) EVP_PKEY *public_key = NULL;
	CK_RV rv = key_find_public(&session, &public_key);

	if (rv != CKR_OK) {
		log_debug("hsm: key without public value token=%s rv=0x%lx",
			hsm_token_view(scan->token).status.serial, rv);
		return;
	}
	if (!read_attribute(scan->hsm, session.session, object, CKA_ID, id, sizeof(id), &id_len))
		id_len = 0;
	X509 *cert = choose(candidates, public_key);
	struct hsm_found found = { scan->index, bytes_of(id, id_len), cert };

	if (cert)
		scan->take(scan->context, &found);
}

static CK_RV scan_objects_locked(const struct scan *scan)
{
	CK_OBJECT_HANDLE keys[OBJECTS_MAX];
	size_t count = 0;
	struct candidates candidates = { 0 };
	CK_SESSION_HANDLE session = scan->token->session;
	CK_RV rv = read_candidates(scan->hsm, session, &candidates);

	if (rv == CKR_OK)
		rv = hsm_find(scan->hsm->functions, session, CKO_PRIVATE_KEY, bytes_of(NULL, 0),
			keys, OBJECTS_MAX, &count);
	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		take_key(scan, keys[i], &candidates);
	for (size_t i = 0; i < candidates.count; i++)
		X509_free(candidates.certs[i]);
	return rv;
}

static void scan_token(const struct scan *scan, const CK_TOKEN_INFO *info, CK_SLOT_ID slot)
{
	struct hsm_token *token = scan->token;
	const char *what = "login";

	hsm_token_set_present(token, slot);
	(void)pthread_mutex_lock(&token->lock);
	token->flags = info->flags;
	CK_RV rv = hsm_token_open_locked(scan->hsm, token);

	if (rv == CKR_OK) {
		what = "listing objects";
		rv = scan_objects_locked(scan);
	}
	(void)pthread_mutex_unlock(&token->lock);
	if (rv == CKR_OK)
		hsm_token_set_ready(token);
	else
		hsm_token_set_failed(token, what, rv);
}

static size_t index_of(struct hsm *hsm, const struct hsm_token *token)
{
	size_t index = 0;

	while (hsm->tokens[index] != token)
		index++;
	return index;
}

static void scan_slot(struct scan *scan, CK_SLOT_ID slot, bool seen[HSM_TOKENS_MAX])
{
	CK_TOKEN_INFO info;
	CK_RV rv = scan->hsm->functions->C_GetTokenInfo(slot, &info);

	if (rv != CKR_OK || !(info.flags & CKF_TOKEN_INITIALIZED))
		return;
	scan->token = hsm_token_find(scan->hsm, slot, &info);
	if (!scan->token) {
		log_error(
			"hsm: more than %d tokens, one is left out slot=%lu", HSM_TOKENS_MAX, slot);
		return;
	}
	scan->index = index_of(scan->hsm, scan->token);
	seen[scan->index] = true;
	scan_token(scan, &info, slot);
}

static void mark_absent(struct hsm *hsm, const bool seen[HSM_TOKENS_MAX])
{
	for (size_t i = 0; i < hsm->token_count; i++) {
		struct hsm_token *token = hsm->tokens[i];

		if (seen[i] || !hsm_token_view(token).status.present)
			continue;
		hsm_token_set_absent(token);
		(void)pthread_mutex_lock(&token->lock);
		hsm_token_close_locked(hsm, token);
		(void)pthread_mutex_unlock(&token->lock);
	}
}

/* PINs that lie elsewhere may have been put right there: a person who asks for it may have them
 * tried again. */
static void clear_marks(struct hsm *hsm)
{
	for (size_t i = 0; i < hsm->token_count; i++) {
		struct hsm_token *token = hsm->tokens[i];

		(void)pthread_mutex_lock(&token->lock);
		if (!token->refused_pin.present)
			token->pin_refused = false;
		(void)pthread_mutex_unlock(&token->lock);
	}
}

CK_RV hsm_scan(struct hsm *hsm, bool by_person, hsm_take *take, void *context)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	bool seen[HSM_TOKENS_MAX] = { false };
	struct scan scan = { .hsm = hsm, .take = take, .context = context };

	if (by_person)
		clear_marks(hsm);
	/* The size query makes a module look for new slots (PKCS#11 3.0, 5.5.1). */
	TRY(hsm->functions->C_GetSlotList(CK_TRUE, NULL, &count));
	count = SLOTS_MAX;
	CK_RV rv = hsm->functions->C_GetSlotList(CK_TRUE, slots, &count);

	if (rv != CKR_OK) {
		log_error("hsm: cannot list slots module=%s rv=0x%lx", hsm->config->module, rv);
		return rv;
	}
	for (CK_ULONG i = 0; i < count; i++)
		scan_slot(&scan, slots[i], seen);
	mark_absent(hsm, seen);
	return CKR_OK;
}
