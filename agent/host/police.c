/* SPDX-License-Identifier: Apache-2.0 */
/* The policy beside the key: which block counts for a key, and what of it is refused. */
#include "police.h"

#include <iothsm/iothsm.h>
#include <stdlib.h>

#include "certificate.h"
#include "cleanup.h"
#include "log.h"
#include "operation.h"
#include "police_book.h"
#include "police_key.h"
#include "text.h"

struct police_job {
	struct police_book *book;
	struct police_edition *edition; /* that the key belongs to */
	const struct policy_key *key;
	CK_MECHANISM_TYPE type;
	uint8_t *parts;
	size_t len, room;
	bool in_parts;
};

void police_job_free(struct police_job **job)
{
	if (!*job)
		return;
	police_book_give((*job)->book, (*job)->edition);
	free((*job)->parts);
	free(*job);
	*job = NULL;
}

/* Each user and reason has a line, however many others there are (FNV-1a). */
static bool may_say(struct request *request, const char *reason, unsigned long *kept_back)
{
	uint32_t hash = 2166136261U ^ request->client->uid;

	for (const char *at = reason; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619U;
	return throttle_admit(
		&request->token->host->policy_refusals, hash, wire_now_ms(), kept_back);
}

static CK_MECHANISM_TYPE mechanism_of(const struct request *request)
{
	bool runs = !request->call->has_mechanism && request->session && request->session->police;

	return runs ? request->session->police->type : request->mechanism.mechanism;
}

static void log_refusal(struct request *request, const struct policy_key *key, const char *class,
	const char *reason)
{
	const struct client *client = request->client;
	char spki[2 * SIGNED_SPKI_LEN + 1];
	unsigned long kept_back = 0;

	if (!may_say(request, reason, &kept_back))
		return;
	text_hex(spki, bytes_of(key->spki, sizeof(key->spki)));
	log_warn("policy: %s uid=%u gid=%u pid=%d serial=%s function=%s mechanism=0x%lx "
		 "class=%s: %s; the block of policy.conf is key \"%s\" kept_back=%lu",
		key->observe ? "observed, would be refused" : "refused", (unsigned)client->uid,
		(unsigned)client->gid, (int)client->pid, request->token->facts.serial,
		Function_name(request->call->function), mechanism_of(request), class, reason, spki,
		kept_back);
}

static CK_RV refuse(struct request *request, const struct policy_key *key, const char *class,
	const char *reason)
{
	log_refusal(request, key, class, reason);
	request->verdict = key->observe ? "observed" : NULL;
	return key->observe ? CKR_OK : CKR_IOTHSM_POLICY;
}

/* Whose block would it be? A key of the token that can sign might be any of those. */
static CK_RV refuse_nameless(struct request *request, const struct police_edition *edition,
	const struct object_view *key)
{
	unsigned long kept_back = 0;

	if (!key->on_token || !policy_is_enforced(edition->policy))
		return CKR_OK;
	if (may_say(request, "nameless", &kept_back))
		log_warn("policy: refused uid=%u pid=%d serial=%s function=%s: nothing on the "
			 "token tells, and proves, the public key of this private key; write its "
			 "public key or certificate under the same CKA_ID kept_back=%lu",
			(unsigned)request->client->uid, (int)request->client->pid,
			request->token->facts.serial, Function_name(request->call->function),
			kept_back);
	return CKR_IOTHSM_POLICY;
}

/* The block of a key; NULL: it is plain PKCS#11. */
static CK_RV find_block(struct request *request, const struct police_edition *edition,
	const struct object_view *key, const struct policy_key **block)
{
	uint8_t spki[SIGNED_SPKI_LEN];

	*block = NULL;
	if (!edition || key->class != CKO_PRIVATE_KEY)
		return CKR_OK;
	if (!edition->policy)
		return CKR_IOTHSM_POLICY; /* the log said so when it was read */
	CK_RV rv = police_key_find(request, key, spki);

	if (rv == CKR_IOTHSM_NO_KEY)
		return refuse_nameless(request, edition, key);
	TRY(rv);
	*block = policy_find(edition->policy, spki);
	return CKR_OK;
}

static CK_RV remember(
	struct request *request, struct police_edition *edition, const struct policy_key *key)
{
	struct police_job *job = calloc(1, sizeof(*job));

	if (!job)
		return CKR_HOST_MEMORY;
	*job = (struct police_job){ .book = request->token->host->police_book,
		.edition = edition,
		.key = key,
		.type = request->mechanism.mechanism };
	request->session->police = job;
	return CKR_OK;
}

/* *kept: the session has the edition now. */
static CK_RV begin(struct request *request, enum operation operation,
	struct police_edition *edition, bool *kept)
{
	const struct policy_key *key = NULL;

	TRY(find_block(request, edition, &request->object, &key));
	if (!key)
		return CKR_OK;
	if (operation == OPERATION_SIGN && policy_sees_all(&request->mechanism)) {
		TRY(remember(request, edition, key));
		*kept = true;
		return CKR_OK;
	}
	if (key->prehashed)
		return CKR_OK;
	return refuse(request, key, "unseen",
		operation == OPERATION_SIGN ? "what is signed is not seen whole by this mechanism"
					    : "the key is for signatures only");
}

CK_RV police_begin(struct request *request, enum operation operation)
{
	struct police_book *book = request->token->host->police_book;
	bool kept = false;

	if (operation != OPERATION_SIGN && operation != OPERATION_SIGN_RECOVER &&
		operation != OPERATION_DECRYPT)
		return CKR_OK;
	if (operation == OPERATION_SIGN)
		police_job_free(&request->session->police);
	struct police_edition *edition = police_book_take(book);
	CK_RV rv = begin(request, operation, edition, &kept);

	if (!kept)
		police_book_give(book, edition);
	return rv;
}

static CK_RV add_part(struct police_job *job, struct bytes part)
{
	if (part.len > POLICE_PARTS_MAX - job->len)
		return CKR_DATA_LEN_RANGE;
	size_t needed = job->len + part.len;

	if (needed > job->room) {
		size_t room = needed < POLICE_PARTS_MAX / 2 ? 2 * needed : POLICE_PARTS_MAX;
		uint8_t *grown = realloc(job->parts, room);

		if (!grown)
			return CKR_HOST_MEMORY;
		job->parts = grown;
		job->room = room;
	}
	if (part.len > 0)
		memcpy(job->parts + job->len, part.data, part.len);
	job->len = needed;
	return CKR_OK;
}

CK_RV police_part(struct request *request)
{
	struct session *session = request->session;
	struct police_job *job = session->police;

	if (!job)
		return CKR_OK;
	job->in_parts = true;
	CK_RV rv = add_part(job, request->call->data);

	if (rv == CKR_DATA_LEN_RANGE &&
		refuse(request, job->key, "unknown", "the parts are more than can be looked at") ==
			CKR_OK) {
		police_job_free(&session->police); /* observed only */
		return CKR_OK;
	}
	if (rv == CKR_DATA_LEN_RANGE)
		rv = CKR_IOTHSM_POLICY;
	return rv == CKR_OK ? rv
			    : operation_settle(session, operation_bit(OPERATION_SIGN), false, rv);
}

static CK_RV judge(struct request *request, const struct police_job *job, struct bytes input)
{
	const CK_MECHANISM mechanism = { job->type, NULL, 0 };
	struct policy_verdict verdict;

	policy_judge(job->key, &mechanism, input, &verdict);
	request->class = signed_name(verdict.class);
	if (verdict.refused)
		TRY(refuse(request, job->key, signed_name(verdict.class), verdict.reason));
	if (police_book_count(job->book, job->key, wire_now_ms()))
		return CKR_OK;
	return refuse(request, job->key, signed_name(verdict.class),
		"more signatures in an hour than 'per_hour'");
}

CK_RV police_sign(struct request *request, const struct bytes *whole)
{
	struct session *session = request->session;
	const struct police_job *job = session->police;

	/* Nothing comes out of a question for the length. */
	if (!job || !request->call->has_room)
		return CKR_OK;
	CK_RV rv = whole && job->in_parts
			   ? CKR_OPERATION_ACTIVE
			   : judge(request, job, whole ? *whole : bytes_of(job->parts, job->len));

	return rv == CKR_OK ? rv
			    : operation_settle(session, operation_bit(OPERATION_SIGN), false, rv);
}

static CK_RV check_use(struct request *request, const struct policy_key *key, const char *how)
{
	char reason[POLICY_REASON_MAX];

	if (!key || key->prehashed)
		return CKR_OK;
	(void)snprintf(reason, sizeof(reason), "the key is for signatures only, not to %s", how);
	return refuse(request, key, "unseen", reason);
}

CK_RV police_use(struct request *request, const struct object_view *key, const char *how)
{
	struct police_book *book = request->token->host->police_book;
	const struct policy_key *block = NULL;

	if (key->class != CKO_PRIVATE_KEY)
		return CKR_OK;
	struct police_edition *edition = police_book_take(book);
	CK_RV rv = find_block(request, edition, key, &block);

	if (rv == CKR_OK)
		rv = check_use(request, block, how);
	police_book_give(book, edition);
	return rv;
}

static CK_RV check_class(
	struct request *request, const struct policy_key *key, enum signed_class class)
{
	char reason[POLICY_REASON_MAX];

	if (!key || (key->classes & 1U << class))
		return CKR_OK;
	(void)snprintf(
		reason, sizeof(reason), "the class %s is not among 'classes'", signed_name(class));
	return refuse(request, key, signed_name(class), reason);
}

/* What these sign is made by the host itself, so their class is known beforehand. */
CK_RV police_provision(
	struct request *request, const struct object_view *key, CK_MECHANISM_TYPE type)
{
	struct police_book *book = request->token->host->police_book;
	const struct policy_key *block = NULL;

	if (type == CKM_IOTHSM_IMPORT_CERTIFICATE)
		return CKR_OK;
	struct police_edition *edition = police_book_take(book);
	CK_RV rv = find_block(request, edition, key, &block);

	if (rv == CKR_OK)
		rv = check_class(
			request, block, type == CKM_IOTHSM_CSR ? SIGNED_REQUEST : SIGNED_SELF);
	police_book_give(book, edition);
	return rv;
}

void police_adopt(struct host *host, struct bytes der)
{
	CLEANUP(x509) X509 *cert = certificate_parse(NULL, der);

	if (cert)
		police_book_adopt(host->police_book, cert);
}
