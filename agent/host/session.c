/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual sessions: keyed by the number that the client chose, with a native one only while needed.
 */
#include "session.h"

#include <stdlib.h>
#include <time.h>

#include "connection.h"
#include "log.h"
#include "login.h"
#include "police.h"
#include "provisioning.h"
#include "record.h"

static struct session **bucket_of(struct client *client, CK_SESSION_HANDLE number)
{
	return &client->buckets[number % CLIENT_BUCKETS];
}

static struct session *find_locked(struct client *client, CK_SESSION_HANDLE number)
{
	struct session *session = *bucket_of(client, number);

	while (session && session->number != number)
		session = session->next;
	return session;
}

bool session_is_read_only(const struct session *session)
{
	return !(session->flags & CKF_RW_SESSION);
}

static CK_RV add_locked(struct client *client, struct session *session)
{
	struct session **bucket = bucket_of(client, session->number);

	if (find_locked(client, session->number))
		return CKR_SESSION_EXISTS;
	if (client->sessions >= CLIENT_SESSIONS_MAX)
		return CKR_SESSION_COUNT;
	if (session_is_read_only(session) && client->login == CKU_SO)
		return CKR_SESSION_READ_WRITE_SO_EXISTS;
	session->next = *bucket;
	*bucket = session;
	client->sessions++;
	client->read_only_sessions += session_is_read_only(session);
	return CKR_OK;
}

static void session_free(struct session *session)
{
	(void)pthread_mutex_destroy(&session->lock);
	free(session);
}

CK_RV session_open(struct client *client, CK_SESSION_HANDLE number, CK_FLAGS flags)
{
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	if (number == CK_INVALID_HANDLE)
		return CKR_ARGUMENTS_BAD;
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return CKR_HOST_MEMORY;
	*session =
		(struct session){ .client = client, .number = number, .flags = flags, .refs = 1 };
	(void)pthread_mutex_init(&session->lock, NULL);
	(void)pthread_mutex_lock(&client->lock);
	session->epoch = client->epoch;
	CK_RV rv = add_locked(client, session);

	(void)pthread_mutex_unlock(&client->lock);
	if (rv != CKR_OK)
		session_free(session);
	return rv;
}

static void unref(struct session *session)
{
	struct client *client = session->client;

	(void)pthread_mutex_lock(&client->lock);
	bool last = --session->refs == 0;

	(void)pthread_mutex_unlock(&client->lock);
	if (last)
		session_free(session);
}

/* By the wall clock: ThreadSanitizer does not know pthread_mutex_clocklock(). */
static bool lock_until(struct session *session, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - wire_now_ms();
	struct timespec until = { 0 };

	if (pthread_mutex_trylock(&session->lock) == 0)
		return true;
	if (left_ms <= 0)
		return false;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += left_ms / 1000 + 1; /* rounded up */
	connection_pause_watch();
	bool locked = pthread_mutex_timedlock(&session->lock, &until) == 0;

	connection_restart_watch();
	return locked;
}

CK_RV session_get(struct client *client, CK_SESSION_HANDLE number, int64_t deadline_ms,
	struct session **session)
{
	(void)pthread_mutex_lock(&client->lock);
	struct session *found = find_locked(client, number);

	if (found)
		found->refs++;
	(void)pthread_mutex_unlock(&client->lock);
	if (!found)
		return CKR_SESSION_HANDLE_INVALID;
	if (!lock_until(found, deadline_ms)) {
		unref(found);
		return CKR_DEVICE_ERROR;
	}
	if (found->closed) {
		session_put(found);
		return CKR_SESSION_HANDLE_INVALID;
	}
	*session = found;
	return CKR_OK;
}

void session_put(struct session *session)
{
	(void)pthread_mutex_unlock(&session->lock);
	unref(session);
}

CK_STATE session_state(const struct session *session)
{
	bool read_only = session_is_read_only(session);

	if (session->client->login == CKU_SO)
		return CKS_RW_SO_FUNCTIONS;
	if (session->client->login == CKU_USER)
		return read_only ? CKS_RO_USER_FUNCTIONS : CKS_RW_USER_FUNCTIONS;
	return read_only ? CKS_RO_PUBLIC_SESSION : CKS_RW_PUBLIC_SESSION;
}

CK_RV session_native(struct session *session, CK_SESSION_HANDLE *native)
{
	if (session->native == CK_INVALID_HANDLE)
		TRY(token_take_session(session->client->token, &session->native));
	*native = session->native;
	return CKR_OK;
}

CK_RV session_holder(struct session *session, CK_SESSION_HANDLE *holder)
{
	if (session->holder == CK_INVALID_HANDLE)
		TRY(token_take_session(session->client->token, &session->holder));
	*holder = session->holder;
	return CKR_OK;
}

void session_release(struct session *session, bool spoiled)
{
	struct token *token = session->client->token;

	if (session->native == CK_INVALID_HANDLE || (session->active != 0 && !spoiled))
		return;
	if (spoiled)
		token_close_session(token, session->native);
	else
		token_put_session(token, session->native);
	session->native = CK_INVALID_HANDLE;
	session->active = 0;
}

void session_end_find(struct session *session)
{
	free(session->find.handles);
	session->find = (struct find){ 0 };
}

void session_end_own(struct session *session, unsigned operations)
{
	for (unsigned i = 0; i < ARRAY_LEN(session->records); i++)
		if (operations & 1U << i)
			record_job_free(&session->records[i]);
	if (operations & 1U << OPERATION_SIGN) {
		hashed_end(&session->sign);
		police_job_free(&session->police);
	}
	if (operations & 1U << OPERATION_VERIFY)
		hashed_end(&session->verify);
	if (operations & 1U << OPERATION_ENCRYPT)
		oaep_end(&session->encrypt);
	if (operations & 1U << OPERATION_DECRYPT)
		oaep_end(&session->decrypt);
}

void session_cancel(struct session *session)
{
	session_release(session, session->active != 0);
	session_end_own(session, ~0U);
	provisioning_free(&session->job);
	session_end_find(session);
}

/* A pooled session must hold no session object, so the holder is closed whatever is in it. */
static void end(struct session *session)
{
	struct client *client = session->client;
	bool inside = token_enter(client->token, client, GATE_SHARED, TOKEN_WAIT_MS) == CKR_OK;

	if (!inside)
		log_error("session: native sessions are left behind, the token is busy serial=%s",
			client->token->facts.serial);
	if (!inside) {
		session->native = session->holder = CK_INVALID_HANDLE;
		session->active = 0;
	}
	session_cancel(session);
	if (session->holder != CK_INVALID_HANDLE)
		token_close_session(client->token, session->holder);
	session->holder = CK_INVALID_HANDLE;
	objects_forget_session(client->token, client, session);
	if (inside)
		token_leave(client->token, client);
}

static struct session *take_locked(struct client *client, CK_SESSION_HANDLE number)
{
	struct session **at = bucket_of(client, number);

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	struct session *session = *at;

	if (!session)
		return NULL;
	*at = session->next;
	client->sessions--;
	client->read_only_sessions -= session_is_read_only(session);
	return session;
}

CK_RV session_close(struct client *client, CK_SESSION_HANDLE number, int64_t deadline_ms)
{
	struct session *session = NULL;

	TRY(session_get(client, number, deadline_ms, &session));
	session->closed = true;
	(void)pthread_mutex_lock(&client->lock);
	(void)take_locked(client, number);
	bool last = client->sessions == 0;

	(void)pthread_mutex_unlock(&client->lock);
	end(session);
	unref(session); /* the table's */
	session_put(session);
	if (last)
		login_end(client);
	return CKR_OK;
}

static CK_SESSION_HANDLE any_number(struct client *client)
{
	CK_SESSION_HANDLE number = CK_INVALID_HANDLE;

	(void)pthread_mutex_lock(&client->lock);
	for (size_t i = 0; i < CLIENT_BUCKETS && number == CK_INVALID_HANDLE; i++)
		if (client->buckets[i])
			number = client->buckets[i]->number;
	(void)pthread_mutex_unlock(&client->lock);
	return number;
}

CK_RV session_close_all(struct client *client, int64_t deadline_ms)
{
	CK_SESSION_HANDLE number = CK_INVALID_HANDLE;

	while ((number = any_number(client)) != CK_INVALID_HANDLE) {
		CK_RV rv = session_close(client, number, deadline_ms);

		/* Another thread may have closed it meanwhile. */
		if (rv != CKR_OK && rv != CKR_SESSION_HANDLE_INVALID)
			return rv;
	}
	return CKR_OK;
}

void session_drop_all(struct client *client)
{
	CK_SESSION_HANDLE number = CK_INVALID_HANDLE;

	while ((number = any_number(client)) != CK_INVALID_HANDLE) {
		(void)pthread_mutex_lock(&client->lock);
		struct session *session = take_locked(client, number);

		(void)pthread_mutex_unlock(&client->lock);
		session->native = session->holder = CK_INVALID_HANDLE;
		session->active = 0;
		session_cancel(session);
		session_free(session);
	}
}
