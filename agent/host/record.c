/* SPDX-License-Identifier: Apache-2.0 */
/* Which private-key operations are recorded, and what of each: written before it is done. */
#include "record.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "log.h"
#include "operation.h"
#include "police_key.h"
#include "provision.h"
#include "record_key.h"
#include "recorder.h"
#include "text.h"

enum { DIGEST_LEN = 32, KEYS_MAX = 64 };

/* Looked up once; of more keys than these the longest known is forgotten. */
struct record {
	struct token *token;
	pthread_mutex_t lock; /* guards all but the recorder */
	struct record_key keys[KEYS_MAX];
	size_t next;
	unsigned long age; /* counts the changes of the token's objects */
	struct recorder *recorder;
};

struct record_job {
	CK_MECHANISM_TYPE mechanism;
	struct record_key key;
	EVP_MD_CTX *parts; /* NULL: none yet */
};

static const char *const operation_names[OPERATION_VERIFY_RECOVER + 1] = {
	[OPERATION_DECRYPT] = "decrypt",
	[OPERATION_SIGN] = "sign",
	[OPERATION_SIGN_RECOVER] = "sign-recover",
};

/* --- configuration --- */

static struct record_rule *rule_of(struct host *host, const char *serial)
{
	for (size_t i = 0; i < host->record_rule_count; i++)
		if (strcmp(host->record_rules[i].serial, serial) == 0)
			return &host->record_rules[i];
	if (host->record_rule_count == HOST_TOKENS_MAX)
		return NULL;
	struct record_rule *rule = &host->record_rules[host->record_rule_count++];

	(void)snprintf(rule->serial, sizeof(rule->serial), "%s", serial);
	return rule;
}

void record_configure(struct host *host, const struct link_message *message)
{
	bool known = message->number <= RECORD_NONE;
	enum record_mode mode = known ? (enum record_mode)message->number : RECORD_ALL;

	(void)pthread_mutex_lock(&host->lock);
	if (message->serial[0] == '\0') {
		memcpy(host->record_directory, message->text, sizeof(host->record_directory));
		host->record_mode = mode;
	} else {
		struct record_rule *rule = rule_of(host, message->serial);

		if (rule)
			rule->mode = mode;
	}
	(void)pthread_mutex_unlock(&host->lock);
}

static enum record_mode mode_of(struct token *token)
{
	struct host *host = token->host;

	(void)pthread_mutex_lock(&host->lock);
	enum record_mode mode = host->record_mode;

	for (size_t i = 0; i < host->record_rule_count; i++)
		if (strcmp(host->record_rules[i].serial, token->facts.serial) == 0)
			mode = host->record_rules[i].mode;
	if (host->record_directory[0] == '\0')
		mode = RECORD_NONE;
	(void)pthread_mutex_unlock(&host->lock);
	return mode;
}

/* --- the record of a token --- */

static void tell_alarm(void *context, const char *reason)
{
	const struct token *token = context;
	struct link_message message = { .type = LINK_RECORD };

	memcpy(message.serial, token->facts.serial, sizeof(message.serial));
	(void)snprintf(message.text, sizeof(message.text), "%s", reason);
	host_tell(token->host, &message);
}

static struct record *record_new(struct token *token)
{
	struct record *record = calloc(1, sizeof(*record));
	char path[PATH_MAX];

	if (!record)
		return NULL;
	record->token = token;
	if (record_key_path(
		    token->host->record_directory, token->host->backend, token->facts.serial, path))
		record->recorder = recorder_new(path, tell_alarm, token);
	if (!record->recorder) {
		free(record);
		return NULL;
	}
	(void)pthread_mutex_init(&record->lock, NULL);
	return record;
}

void record_free(struct record *record)
{
	if (!record)
		return;
	recorder_free(record->recorder);
	(void)pthread_mutex_destroy(&record->lock);
	free(record);
}

static struct record *record_of(struct token *token)
{
	(void)pthread_mutex_lock(&token->lock);
	if (!token->record)
		token->record = record_new(token);
	struct record *record = token->record;

	(void)pthread_mutex_unlock(&token->lock);
	if (!record)
		log_error("record: cannot be kept, operations are refused, check state "
			  "directory=%s serial=%s",
			token->host->record_directory, token->facts.serial);
	return record;
}

void record_look_again(struct token *token)
{
	(void)pthread_mutex_lock(&token->lock);
	struct record *record = token->record;

	(void)pthread_mutex_unlock(&token->lock);
	police_keys_look_again(token->police_keys);
	if (!record)
		return;
	(void)pthread_mutex_lock(&record->lock);
	record->age++;
	memset(record->keys, 0, sizeof(record->keys));
	(void)pthread_mutex_unlock(&record->lock);
}

static bool find_locked(
	const struct record *record, CK_OBJECT_HANDLE handle, struct record_key *key)
{
	for (size_t i = 0; i < KEYS_MAX; i++) {
		if (record->keys[i].handle != handle)
			continue;
		*key = record->keys[i];
		return true;
	}
	return false;
}

/* What was read before a change is used once, and not remembered. */
static void remember(struct record *record, unsigned long age, const struct record_key *key)
{
	(void)pthread_mutex_lock(&record->lock);
	if (record->age == age) {
		record->keys[record->next] = *key;
		record->next = (record->next + 1) % KEYS_MAX;
	}
	(void)pthread_mutex_unlock(&record->lock);
}

static CK_RV look_up(struct request *request, struct record *record, const struct object_view *view,
	struct record_key *key)
{
	struct token *token = request->token;
	struct provision_token lent = { request->functions, token->slot, CK_INVALID_HANDLE,
		token->store };

	(void)pthread_mutex_lock(&record->lock);
	unsigned long age = record->age;
	bool found = find_locked(record, view->handle, key);

	(void)pthread_mutex_unlock(&record->lock);
	if (found)
		return CKR_OK;
	TRY(token_take_session(token, &lent.session));
	CK_RV rv = record_key_read(&lent, view, key);

	if (rv == CKR_OK)
		token_put_session(token, lent.session);
	else
		token_close_session(token, lent.session);
	TRY(rv);
	remember(record, age, key);
	return CKR_OK;
}

/* *wanted: the use of this key is recorded. covered: whatever key it is, unless none is. */
static CK_RV judge(struct request *request, const struct object_view *view, bool covered,
	struct record_key *key, bool *wanted)
{
	enum record_mode mode = mode_of(request->token);

	*wanted = false;
	if (view->class != CKO_PRIVATE_KEY || mode == RECORD_NONE)
		return CKR_OK;
	/* A session object is no certificate authority's key, and may be one of thousands. */
	if (mode == RECORD_POLICY && !view->on_token && !covered)
		return CKR_OK;
	struct record *record = record_of(request->token);

	if (!record)
		return CKR_DEVICE_ERROR;
	TRY(look_up(request, record, view, key));
	*wanted = mode == RECORD_ALL || covered || key->is_ca;
	return CKR_OK;
}

/* --- what is written --- */

static CK_RV write_record(struct request *request, const struct record_key *key, const char *name,
	CK_MECHANISM_TYPE type, const uint8_t digest[DIGEST_LEN])
{
	const struct client *client = request->client;
	char input[2 * DIGEST_LEN + 1], mechanism[2 + 2 * sizeof(type) + 1];

	text_hex(input, bytes_of(digest, DIGEST_LEN));
	(void)snprintf(mechanism, sizeof(mechanism), "0x%lx", type);
	CLEANUP(json)
	json_t *fields = json_pack("{s:I s:s s:s s:I s:I s:s s:s s:s s:s s:s s:s}", "time",
		(json_int_t)time(NULL), "event", name, "token", request->token->facts.serial, "uid",
		(json_int_t)client->uid, "pid", (json_int_t)client->pid, "key", key->hash, "id",
		key->id, "label", key->label, "mechanism", mechanism, "input", input, "verdict",
		request->verdict ? request->verdict : "allowed");

	if (!fields || (request->class && json_object_set_new(fields, "class",
						  json_string(request->class)) != 0))
		return CKR_HOST_MEMORY;
	return recorder_write(request->token->record->recorder, fields) ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV record_begin(struct request *request, enum operation operation)
{
	struct record_job **job = &request->session->records[operation];
	struct record_key key;
	bool wanted = false;

	if (!operation_names[operation])
		return CKR_OK;
	record_job_free(job);
	TRY(judge(request, &request->object, request->session->police != NULL, &key, &wanted));
	if (!wanted)
		return CKR_OK;
	*job = calloc(1, sizeof(**job));
	if (!*job)
		return CKR_HOST_MEMORY;
	(*job)->mechanism = request->mechanism.mechanism;
	(*job)->key = key;
	return CKR_OK;
}

void record_job_free(struct record_job **job)
{
	if (*job)
		EVP_MD_CTX_free((*job)->parts);
	free(*job);
	*job = NULL;
}

static CK_RV start_parts(struct record_job *job)
{
	if (job->parts)
		return CKR_OK;
	job->parts = EVP_MD_CTX_new();
	return job->parts && EVP_DigestInit_ex(job->parts, EVP_sha256(), NULL) == 1
		       ? CKR_OK
		       : CKR_HOST_MEMORY;
}

CK_RV record_part(struct session *session, enum operation operation, struct bytes part)
{
	struct record_job *job = session->records[operation];

	if (!job)
		return CKR_OK;
	CK_RV rv = start_parts(job);

	if (rv == CKR_OK && part.len > 0 && EVP_DigestUpdate(job->parts, part.data, part.len) != 1)
		rv = CKR_FUNCTION_FAILED;
	return rv == CKR_OK ? rv : operation_settle(session, operation_bit(operation), false, rv);
}

/* The parts stay: after a buffer that was too small the same result is asked for again. */
static CK_RV digest_parts(struct record_job *job, uint8_t digest[DIGEST_LEN])
{
	CLEANUP(md_ctx) EVP_MD_CTX *copy = EVP_MD_CTX_new();

	TRY(start_parts(job));
	return copy && EVP_MD_CTX_copy_ex(copy, job->parts) == 1 &&
			       EVP_DigestFinal_ex(copy, digest, NULL) == 1
		       ? CKR_OK
		       : CKR_HOST_MEMORY;
}

static CK_RV digest_whole(struct bytes input, uint8_t digest[DIGEST_LEN])
{
	return EVP_Digest(input.data, input.len, digest, NULL, EVP_sha256(), NULL) == 1
		       ? CKR_OK
		       : CKR_FUNCTION_FAILED;
}

CK_RV record_use(struct request *request, enum operation operation, const struct bytes *input)
{
	struct session *session = request->session;
	struct record_job *job = session->records[operation];
	uint8_t digest[DIGEST_LEN];

	/* Nothing comes out of a question for the length. */
	if (!job || !request->call->has_room ||
		operation_check_active(session, operation_bit(operation)) != CKR_OK)
		return CKR_OK;
	CK_RV rv = input ? digest_whole(*input, digest) : digest_parts(job, digest);

	if (rv == CKR_OK)
		rv = write_record(
			request, &job->key, operation_names[operation], job->mechanism, digest);
	return rv == CKR_OK ? rv : operation_settle(session, operation_bit(operation), false, rv);
}

static CK_RV write_single(struct request *request, const struct record_key *key, const char *name,
	CK_MECHANISM_TYPE type, struct bytes input)
{
	uint8_t digest[DIGEST_LEN];

	TRY(digest_whole(input, digest));
	return write_record(request, key, name, type, digest);
}

CK_RV record_single(struct request *request, const struct object_view *view, const char *name,
	struct bytes input)
{
	struct record_key key;
	bool wanted = false;

	TRY(judge(request, view, false, &key, &wanted));
	return wanted ? write_single(request, &key, name, request->mechanism.mechanism, input)
		      : CKR_OK;
}

CK_RV record_provision(struct request *request, const struct object_view *view,
	CK_MECHANISM_TYPE type, struct bytes input)
{
	struct record_key key;
	bool wanted = false;

	TRY(judge(request, view, true, &key, &wanted));
	return wanted ? write_single(request, &key, "provision", type, input) : CKR_OK;
}
