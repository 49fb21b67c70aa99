/* SPDX-License-Identifier: Apache-2.0 */
/* Provisioning mechanisms as operations of a session: collect the message, run once, remember the
 * result. */
#include "provisioning.h"

#include <iothsm/iothsm.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "connection.h"
#include "operation.h"
#include "permit.h"
#include "police.h"
#include "provision.h"
#include "record.h"

enum { MESSAGE_MAX = 64 * 1024, RECEIPT_LEN = 32 };

struct provisioning_job {
	bool active;
	enum operation operation;
	CK_MECHANISM_TYPE type;
	CK_OBJECT_HANDLE key; /* the client's handle */
	CK_OBJECT_HANDLE native;
	uint8_t *message;
	size_t len;
	/* The result of the last sign job, with what it is the result of. */
	uint8_t done[RECEIPT_LEN];
	uint8_t *der;
	size_t der_len;
};

void provisioning_free(struct provisioning_job **job)
{
	if (!*job)
		return;
	free((*job)->message);
	OPENSSL_free((*job)->der);
	free(*job);
	*job = NULL;
}

bool provisioning_is_for(const struct session *session, enum operation operation)
{
	return session->job && session->job->active && session->job->operation == operation;
}

void provisioning_cancel(struct session *session, unsigned operations)
{
	if (session->job && session->job->active &&
		(operations & operation_bit(session->job->operation)))
		provisioning_free(&session->job);
}

static CK_RV check_allowed(const struct request *request)
{
	if (request->client->login != CKU_USER)
		return CKR_USER_NOT_LOGGED_IN;
	if (session_is_read_only(request->session))
		return CKR_SESSION_READ_ONLY;
	return permit_rights(request, IOTHSM_RIGHT_GENERATE);
}

static CK_RV check_form(const struct request *request, enum operation operation)
{
	if (request->mechanism.ulParameterLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	if (operation == OPERATION_SIGN)
		return request->object.class == CKO_PRIVATE_KEY ? CKR_OK
								: CKR_KEY_TYPE_INCONSISTENT;
	bool verifies = operation == OPERATION_VERIFY &&
			request->mechanism.mechanism == CKM_IOTHSM_IMPORT_CERTIFICATE;

	return verifies ? CKR_OK : CKR_MECHANISM_INVALID;
}

CK_RV provisioning_begin(struct request *request, enum operation operation)
{
	struct session *session = request->session;

	TRY(check_form(request, operation));
	TRY(check_allowed(request));
	if (!session->job)
		session->job = calloc(1, sizeof(*session->job));
	struct provisioning_job *job = session->job;

	if (!job)
		return CKR_HOST_MEMORY;
	job->active = true;
	job->operation = operation;
	job->type = request->mechanism.mechanism;
	job->key = request->object.handle;
	job->native = request->object.native;
	job->len = 0;
	return CKR_OK;
}

static CK_RV end_with(struct provisioning_job *job, CK_RV rv)
{
	job->active = false;
	return rv;
}

CK_RV provisioning_update(struct request *request)
{
	struct provisioning_job *job = request->session->job;
	struct bytes part = request->call->data;

	if (part.len > MESSAGE_MAX - job->len)
		return end_with(job, CKR_DATA_LEN_RANGE);
	uint8_t *grown = realloc(job->message, job->len + part.len + 1);

	if (!grown)
		return end_with(job, CKR_HOST_MEMORY);
	job->message = grown;
	if (part.len > 0)
		memcpy(job->message + job->len, part.data, part.len);
	job->len += part.len;
	return CKR_OK;
}

static bool fingerprint(const struct provisioning_job *job, struct bytes message, uint8_t *out)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool made = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
		    EVP_DigestUpdate(hash, &job->type, sizeof(job->type)) == 1 &&
		    EVP_DigestUpdate(hash, &job->key, sizeof(job->key)) == 1 &&
		    (message.len == 0 || EVP_DigestUpdate(hash, message.data, message.len) == 1) &&
		    EVP_DigestFinal_ex(hash, out, NULL) == 1;

	EVP_MD_CTX_free(hash);
	return made;
}

/* A native session lent for one step; two steps at a time could both find the same place free. */
static CK_RV lend(struct request *request, struct provision_token *lent)
{
	connection_expect_long();
	(void)pthread_mutex_lock(&request->token->provisioning);
	*lent = (struct provision_token){ request->functions, request->token->slot,
		CK_INVALID_HANDLE, request->token->store };
	CK_RV rv = token_take_session(request->token, &lent->session);

	if (rv != CKR_OK)
		(void)pthread_mutex_unlock(&request->token->provisioning);
	return rv;
}

static void take_back(struct request *request, const struct provision_token *lent, CK_RV rv)
{
	if (rv == CKR_OK)
		token_put_session(request->token, lent->session);
	else
		token_close_session(request->token, lent->session);
	(void)pthread_mutex_unlock(&request->token->provisioning);
}

/* Since the operation began the key may have got another native handle, or be gone. */
static CK_RV find_key(
	struct request *request, struct provisioning_job *job, struct object_view *view)
{
	CK_RV rv = object_resolve(request->token, request->client, job->key, view);

	if (rv != CKR_OK)
		return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
	job->native = view->native;
	return CKR_OK;
}

static CK_RV run_job(struct request *request, struct provisioning_job *job, struct bytes message)
{
	struct provision_token lent;
	struct object_view key;
	uint8_t *der = NULL;
	size_t len = 0;

	TRY(find_key(request, job, &key));
	TRY(police_provision(request, &key, job->type));
	TRY(record_provision(request, &key, job->type, message));
	TRY(lend(request, &lent));
	CK_RV rv = provision_sign(&lent, job->type, job->native, message, &der, &len);

	take_back(request, &lent, rv);
	record_look_again(request->token);
	if (rv != CKR_OK)
		return rv;
	if (job->type == CKM_IOTHSM_SELF_SIGN || job->type == CKM_IOTHSM_IMPORT_CERTIFICATE)
		police_adopt(request->token->host, bytes_of(der, len));
	OPENSSL_free(job->der);
	job->der = der;
	job->der_len = len;
	return CKR_OK;
}

/* Repeating a job in a session must not spend a second serial number. */
static CK_RV run_once(struct request *request, struct provisioning_job *job, struct bytes message)
{
	uint8_t wanted[RECEIPT_LEN];

	if (!fingerprint(job, message, wanted))
		return CKR_FUNCTION_FAILED;
	if (job->der && memcmp(wanted, job->done, sizeof(wanted)) == 0)
		return CKR_OK;
	OPENSSL_free(job->der);
	job->der = NULL;
	TRY(run_job(request, job, message));
	memcpy(job->done, wanted, sizeof(wanted));
	return CKR_OK;
}

static CK_RV give(
	struct request *request, struct provisioning_job *job, const uint8_t *data, size_t len)
{
	const void *copy = arena_copy(request->arena, data, len);

	job->active = false;
	if (!copy)
		return CKR_HOST_MEMORY;
	request->reply->number = len;
	request->reply->data = bytes_of(copy, len);
	return CKR_OK;
}

/* iothsm.h: DER where it fits, else its SHA-256, so that tools with small fixed buffers succeed. */
static CK_RV give_result(struct request *request, struct provisioning_job *job)
{
	const Call *call = request->call;
	uint8_t receipt[RECEIPT_LEN];

	request->reply->number = job->der_len;
	if (!call->has_room)
		return CKR_OK;
	if (call->room >= job->der_len)
		return give(request, job, job->der, job->der_len);
	if (call->room < RECEIPT_LEN)
		return CKR_BUFFER_TOO_SMALL;
	if (EVP_Digest(job->der, job->der_len, receipt, NULL, EVP_sha256(), NULL) != 1)
		return end_with(job, CKR_FUNCTION_FAILED);
	return give(request, job, receipt, sizeof(receipt));
}

static struct bytes message_of(const struct request *request, bool one_part)
{
	const struct provisioning_job *job = request->session->job;

	if (one_part)
		return request->call->data;
	return bytes_of(job->message, job->len);
}

CK_RV provisioning_sign(struct request *request, bool one_part)
{
	struct provisioning_job *job = request->session->job;
	struct bytes message = message_of(request, one_part);

	if (message.len > MESSAGE_MAX)
		return end_with(job, CKR_DATA_LEN_RANGE);
	CK_RV rv = run_once(request, job, message);

	return rv == CKR_OK ? give_result(request, job) : end_with(job, rv);
}

CK_RV provisioning_verify(struct request *request, bool one_part)
{
	struct provisioning_job *job = request->session->job;
	struct bytes message = message_of(request, one_part);
	struct provision_token lent;
	struct object_view key;

	if (message.len > MESSAGE_MAX)
		return end_with(job, CKR_DATA_LEN_RANGE);
	CK_RV rv = find_key(request, job, &key);

	if (rv == CKR_OK)
		rv = lend(request, &lent);
	if (rv == CKR_OK) {
		rv = provision_verify(&lent, job->native, message);
		take_back(request, &lent, rv);
		record_look_again(request->token);
	}
	return end_with(job, rv);
}

CK_RV provisioning_generate(struct request *request)
{
	CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE, private_key = CK_INVALID_HANDLE;
	struct object_view public_view = { 0 }, private_view = { 0 };
	struct provision_token lent;

	TRY(check_allowed(request));
	TRY(lend(request, &lent));
	CK_RV rv = provision_generate(&lent, &request->call->attributes,
		&request->call->attributes2, &public_key, &private_key);

	take_back(request, &lent, rv);
	if (rv != CKR_OK)
		return rv;
	TRY(object_register(request->token, request->session, public_key, &public_view));
	TRY(object_register(request->token, request->session, private_key, &private_view));
	request->reply->number = public_view.handle;
	request->reply->number2 = private_view.handle;
	return CKR_OK;
}

CK_RV provisioning_check_certificate(struct request *request, CK_OBJECT_HANDLE *replaced)
{
	struct provision_token lent;

	TRY(lend(request, &lent));
	CK_RV rv = provision_check_certificate(&lent, &request->call->attributes, replaced);

	take_back(request, &lent, rv);
	return rv;
}

CK_RV provisioning_retire_certificate(struct request *request, CK_OBJECT_HANDLE replaced)
{
	struct provision_token lent;
	struct object_view view;

	TRY(lend(request, &lent));
	CK_RV rv = provision_keep_history(&lent, replaced);

	if (rv == CKR_OK)
		rv = request->functions->C_DestroyObject(lent.session, replaced);
	take_back(request, &lent, rv);
	if (rv == CKR_OK && object_map(request->token, request->client, replaced, &view) == CKR_OK)
		object_forget(request->token, view.handle);
	return rv;
}
