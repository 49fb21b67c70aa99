/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the CA keys of all tokens: one certificate for each private key. */
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "hsm_holdings.h"
#include "hsm_token.h"
#include "log.h"

#define LABEL_ATTESTATION "PIV Attestation"

enum { LABEL_MAX = 256, SLOTS_MAX = 256 };

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

/* A temporary certificate only marks a prepared key; an attestation is no CA's. */
static X509 *read_candidate(struct hsm *hsm, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CLEANUP(x509) X509 *cert = read_certificate(hsm, session, object);

	if (!cert || certificate_is_temporary(cert) || is_attestation(hsm, session, object))
		return NULL;
	return steal(&cert);
}

/* Where a scan stands. */
struct scan {
	struct hsm *hsm;
	struct hsm_token *token;
	size_t index;
	hsm_take *take;
	void *context;
};

static void read_id(
	const struct scan *scan, CK_OBJECT_HANDLE object, uint8_t id[HSM_ID_MAX], size_t *len)
{
	if (!read_attribute(scan->hsm, scan->token->session, object, CKA_ID, id, HSM_ID_MAX, len))
		*len = 0;
}

static CK_RV read_candidates(const struct scan *scan, struct hsm_holdings *holdings)
{
	CK_SESSION_HANDLE session = scan->token->session;
	CK_OBJECT_HANDLE handles[HSM_OBJECTS_MAX];
	size_t count = 0;

	TRY(hsm_find(scan->hsm->functions, session, CKO_CERTIFICATE, bytes_of(NULL, 0), handles,
		HSM_OBJECTS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		struct hsm_certificate *held = &holdings->certs[holdings->cert_count];

		held->cert = read_candidate(scan->hsm, session, handles[i]);
		if (!held->cert)
			continue;
		read_id(scan, handles[i], held->id, &held->id_len);
		holdings->cert_count++;
	}
	return CKR_OK;
}

static CK_RV read_keys(const struct scan *scan, struct hsm_holdings *holdings)
{
	CK_OBJECT_HANDLE handles[HSM_OBJECTS_MAX];
	size_t count = 0;
	struct hsm_view view = hsm_token_view(scan->token);

	TRY(hsm_find(scan->hsm->functions, scan->token->session, CKO_PRIVATE_KEY, bytes_of(NULL, 0),
		handles, HSM_OBJECTS_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		struct hsm_pair *pair = &holdings->pairs[holdings->pair_count];
		struct key_session session = { scan->hsm->functions, view.slot,
			scan->token->session, handles[i] };
		CK_RV rv = key_find_public(&session, &pair->key);

		if (rv != CKR_OK) {
			log_debug("hsm: key without public value token=%s rv=0x%lx",
				view.status.serial, rv);
			continue;
		}
		read_id(scan, handles[i], pair->id, &pair->id_len);
		holdings->pair_count++;
	}
	return CKR_OK;
}

static CK_RV scan_objects_locked(const struct scan *scan)
{
	struct hsm_holdings *holdings = calloc(1, sizeof(*holdings));

	if (!holdings)
		return CKR_HOST_MEMORY;
	CK_RV rv = read_candidates(scan, holdings);

	if (rv == CKR_OK)
		rv = read_keys(scan, holdings);
	if (rv == CKR_OK)
		hsm_holdings_report(holdings, scan->index, scan->take, scan->context);
	hsm_holdings_free(holdings);
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
		hsm_token_set_pin_good(token);
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

/* Without the list nothing is known of any token. */
static void mark_unknown(struct hsm *hsm, CK_RV rv)
{
	for (size_t i = 0; i < hsm->token_count; i++) {
		if (hsm_token_view(hsm->tokens[i]).status.present)
			hsm_token_set_failed(hsm->tokens[i], "listing tokens", rv);
	}
	log_error("hsm: cannot list tokens module=%s reason=\"%s\" rv=0x%lx", hsm->config->module,
		hsm_describe(rv), rv);
}

/* The size query makes a module look for new slots (PKCS#11 3.0, 5.5.1). */
static CK_RV list_slots(struct hsm *hsm, CK_SLOT_ID slots[SLOTS_MAX], CK_ULONG *count)
{
	TRY(hsm->functions->C_GetSlotList(CK_TRUE, NULL, count));
	*count = SLOTS_MAX;
	return hsm->functions->C_GetSlotList(CK_TRUE, slots, count);
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
	CK_RV rv = list_slots(hsm, slots, &count);

	if (rv != CKR_OK) {
		mark_unknown(hsm, rv);
		return rv;
	}
	for (CK_ULONG i = 0; i < count; i++)
		scan_slot(&scan, slots[i], seen);
	mark_absent(hsm, seen);
	return CKR_OK;
}

static bool check_token(struct hsm *hsm, struct hsm_token *token)
{
	if (!hsm_token_view(token).status.ready)
		return true;
	(void)pthread_mutex_lock(&token->lock);
	bool good = hsm_token_is_open_locked(hsm, token);

	(void)pthread_mutex_unlock(&token->lock);
	if (good)
		hsm_token_confirm(token);
	return good;
}

bool hsm_check(struct hsm *hsm)
{
	bool good = true;

	for (size_t i = 0; i < hsm->token_count; i++)
		good = check_token(hsm, hsm->tokens[i]) && good;
	return good;
}
