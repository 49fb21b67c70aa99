/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions of this process, as they outlive connections, and the login of each slot. */
#include "session.h"

#include <pthread.h>

#include "library.h"

enum {
	SLOTS_MAX = 256,
	RESTORE_MS = 10000 /* for each call of a restoration, and for those who wait for it */
};

struct slot {
	bool used;
	bool restoring;
	CK_SLOT_ID id;
	struct peer peer;  /* who knows the sessions */
	uint64_t restored; /* how often that changed */
	uint64_t epoch;    /* what was remembered under another one is doubtful */
	struct login login;
	bool login_lost; /* it could not be restored, and nobody has logged in since */
};

static struct session sessions[SESSIONS_MAX];
static struct slot slots[SLOTS_MAX];
static CK_SESSION_HANDLE last_handle;

/* Guards all of the above; never held while anything travels. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static struct session *find_locked(CK_SESSION_HANDLE handle)
{
	struct session *session = &sessions[handle % SESSIONS_MAX];

	return handle != CK_INVALID_HANDLE && session->handle == handle ? session : NULL;
}

static bool slot_has_session_locked(CK_SLOT_ID id)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		if (sessions[i].handle != CK_INVALID_HANDLE && sessions[i].slot == id)
			return true;
	}
	return false;
}

/* A place for a slot's record; one without sessions may lose its own. */
static struct slot *slot_place_locked(void)
{
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		if (!slots[i].used)
			return &slots[i];
	}
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		if (!slots[i].restoring && !slot_has_session_locked(slots[i].id))
			return &slots[i];
	}
	return NULL;
}

static struct slot *slot_locked(CK_SLOT_ID id)
{
	for (size_t i = 0; i < SLOTS_MAX && slots[i].used; i++) {
		if (slots[i].id == id)
			return &slots[i];
	}
	struct slot *place = slot_place_locked();

	if (place)
		*place = (struct slot){ .used = true, .id = id };
	return place;
}

struct session *session_lock(CK_SESSION_HANDLE handle)
{
	(void)pthread_mutex_lock(&lock);
	struct session *session = find_locked(handle);

	if (!session)
		(void)pthread_mutex_unlock(&lock);
	return session;
}

void session_unlock(void)
{
	(void)pthread_mutex_unlock(&lock);
}

uint64_t session_epoch_locked(const struct session *session)
{
	const struct slot *slot = slot_locked(session->slot);

	return slot ? slot->epoch : 0;
}

CK_RV session_slot(CK_SESSION_HANDLE handle, CK_SLOT_ID *slot)
{
	const struct session *session = session_lock(handle);

	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	*slot = session->slot;
	session_unlock();
	return CKR_OK;
}

/* Handles count up, so that one that was closed stays invalid for long. */
static CK_SESSION_HANDLE next_handle_locked(void)
{
	enum { HANDLE_MAX = 0x7FFFFFFF };

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		last_handle = last_handle >= HANDLE_MAX ? 1 : last_handle + 1;
		if (sessions[last_handle % SESSIONS_MAX].handle == CK_INVALID_HANDLE)
			return last_handle;
	}
	return CK_INVALID_HANDLE;
}

CK_RV session_reserve(CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
	(void)pthread_mutex_lock(&lock);
	CK_SESSION_HANDLE next = slot_locked(slot) ? next_handle_locked() : CK_INVALID_HANDLE;

	if (next != CK_INVALID_HANDLE)
		sessions[next % SESSIONS_MAX] =
			(struct session){ .handle = next, .slot = slot, .flags = flags };
	(void)pthread_mutex_unlock(&lock);
	if (next == CK_INVALID_HANDLE)
		return CKR_SESSION_COUNT;
	*handle = next;
	return CKR_OK;
}

void session_opened(CK_SESSION_HANDLE handle)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	session->open = true;
	session_unlock();
}

static void doubt_locked(CK_SLOT_ID id)
{
	struct slot *slot = slot_locked(id);

	if (slot)
		slot->epoch++;
}

static void logout_locked(CK_SLOT_ID id)
{
	struct slot *slot = slot_locked(id);

	if (slot) {
		explicit_bzero(&slot->login, sizeof(slot->login));
		slot->login_lost = false;
	}
	doubt_locked(id);
}

static void lose_login(CK_SLOT_ID id)
{
	(void)pthread_mutex_lock(&lock);
	struct slot *slot = slot_locked(id);

	logout_locked(id);
	if (slot)
		slot->login_lost = true;
	(void)pthread_mutex_unlock(&lock);
}

static void remove_locked(struct session *session)
{
	CK_SLOT_ID slot = session->slot;

	explicit_bzero(session, sizeof(*session));
	doubt_locked(slot);
	if (!slot_has_session_locked(slot))
		logout_locked(slot);
}

void session_remove(CK_SESSION_HANDLE handle)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	remove_locked(session);
	session_unlock();
}

void session_remove_all(CK_SLOT_ID slot)
{
	(void)pthread_mutex_lock(&lock);
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		if (sessions[i].handle != CK_INVALID_HANDLE && sessions[i].slot == slot)
			explicit_bzero(&sessions[i], sizeof(sessions[i]));
	}
	logout_locked(slot);
	(void)pthread_mutex_unlock(&lock);
}

bool session_exists(CK_SLOT_ID slot)
{
	bool exists = false;

	(void)pthread_mutex_lock(&lock);
	for (size_t i = 0; i < SESSIONS_MAX && !exists; i++)
		exists = sessions[i].open && sessions[i].slot == slot;
	(void)pthread_mutex_unlock(&lock);
	return exists;
}

void session_doubt(CK_SLOT_ID slot)
{
	(void)pthread_mutex_lock(&lock);
	doubt_locked(slot);
	(void)pthread_mutex_unlock(&lock);
}

void session_login(CK_SLOT_ID slot, const struct login *login)
{
	(void)pthread_mutex_lock(&lock);
	struct slot *found = slot_locked(slot);

	if (found) {
		found->login = *login;
		found->login_lost = false;
	}
	doubt_locked(slot);
	(void)pthread_mutex_unlock(&lock);
}

void session_logout(CK_SLOT_ID slot)
{
	(void)pthread_mutex_lock(&lock);
	logout_locked(slot);
	(void)pthread_mutex_unlock(&lock);
}

void session_failed(CK_SESSION_HANDLE handle)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	session->failed = true;
	session_unlock();
}

/* To one who is not logged in a private object is no object. */
static bool is_handle_error(CK_RV rv)
{
	return rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID ||
	       rv == CKR_WRAPPING_KEY_HANDLE_INVALID || rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID;
}

CK_RV session_explain(CK_SESSION_HANDLE handle, CK_RV rv)
{
	if (rv != CKR_OPERATION_NOT_INITIALIZED && !is_handle_error(rv))
		return rv;
	struct session *session = session_lock(handle);

	if (!session)
		return rv;
	const struct slot *slot = slot_locked(session->slot);

	if (is_handle_error(rv) && slot && slot->login_lost)
		rv = CKR_USER_NOT_LOGGED_IN;
	if (rv == CKR_OPERATION_NOT_INITIALIZED && session->lost) {
		session->lost = false;
		rv = CKR_DEVICE_ERROR;
	}
	session_unlock();
	return rv;
}

uint64_t session_restored(CK_SLOT_ID slot)
{
	(void)pthread_mutex_lock(&lock);
	const struct slot *found = slot_locked(slot);
	uint64_t restored = found ? found->restored : 0;

	(void)pthread_mutex_unlock(&lock);
	return restored;
}

static bool is_same_peer(struct peer a, struct peer b)
{
	return a.incarnation == b.incarnation && a.client == b.client;
}

/* What a restoration needs of the next session from *index on; false after the last one. */
static bool next_session(CK_SLOT_ID slot, size_t *index, CK_SESSION_HANDLE *handle, CK_FLAGS *flags)
{
	bool found = false;

	(void)pthread_mutex_lock(&lock);
	for (; *index < SESSIONS_MAX && !found; (*index)++) {
		const struct session *session = &sessions[*index];

		found = session->open && session->slot == slot;
		if (found) {
			*handle = session->handle;
			*flags = session->flags;
		}
	}
	(void)pthread_mutex_unlock(&lock);
	return found;
}

/* What the host held for the session is gone with the former one. */
static void reset_session(CK_SESSION_HANDLE handle)
{
	struct session *session = session_lock(handle);

	if (!session)
		return;
	for (size_t i = 0; i < OPERATION_KINDS; i++) {
		session->lost |= session->operations[i].active && !session->failed;
		session->operations[i].active = false;
	}
	session->failed = false;
	session_unlock();
}

/* Says nothing about session or login: the host's token is not back yet. */
static bool is_transient(CK_RV rv)
{
	return rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
	       rv == CKR_HOST_MEMORY;
}

static CK_RV reopen_sessions(struct connection *connection, CK_SLOT_ID slot, CK_SESSION_HANDLE *any)
{
	CK_SESSION_HANDLE handle;
	CK_FLAGS flags;
	size_t index = 0;

	while (next_session(slot, &index, &handle, &flags)) {
		Call call = {
			.function = Function_C_OpenSession, .handle = handle, .number = flags
		};
		Reply reply;

		if (connection_exchange(connection, &call, &reply, RESTORE_MS) != CONNECTION_DONE)
			return CKR_DEVICE_ERROR;
		if (is_transient((CK_RV)reply.rv))
			return CKR_DEVICE_ERROR;
		/* It exists when an earlier restoration broke off after it. */
		if (reply.rv == CKR_OK || reply.rv == CKR_SESSION_EXISTS) {
			*any = handle;
			reset_session(handle);
		} else {
			library_debug("session %lu is lost: 0x%lx", handle, (CK_RV)reply.rv);
			session_remove(handle);
		}
	}
	return CKR_OK;
}

static CK_RV exchange_login(struct connection *connection, const Call *call, bool *done)
{
	Reply reply;

	if (connection_exchange(connection, call, &reply, RESTORE_MS) != CONNECTION_DONE)
		return CKR_DEVICE_ERROR;
	if (is_transient((CK_RV)reply.rv))
		return CKR_DEVICE_ERROR;
	*done = reply.rv == CKR_OK || reply.rv == CKR_USER_ALREADY_LOGGED_IN;
	return CKR_OK;
}

/* By ticket; a login that never had a PIN is simply repeated, also with an agent that knows no
 * ticket. */
static CK_RV restore_login(struct connection *connection, CK_SESSION_HANDLE session,
	const struct login *login, bool same_client, bool *done)
{
	Call by_ticket = { .function = Function_RESTORE_LOGIN,
		.handle = session,
		.number = login->user,
		.data = bytes_of(login->ticket, sizeof(login->ticket)) };
	Call by_kept_pin = {
		.function = Function_C_Login, .handle = session, .number = login->user
	};

	*done = false;
	if (login->has_ticket && same_client)
		TRY(exchange_login(connection, &by_ticket, done));
	if (!*done && login->kept_pin)
		TRY(exchange_login(connection, &by_kept_pin, done));
	return CKR_OK;
}

static CK_RV restore(struct connection *connection, const struct slot *before)
{
	CK_SESSION_HANDLE any = CK_INVALID_HANDLE;
	bool done = false;

	TRY(reopen_sessions(connection, before->id, &any));
	if (!before->login.active || any == CK_INVALID_HANDLE)
		return CKR_OK;
	bool same_client = before->peer.client == connection_peer(connection).client;

	TRY(restore_login(connection, any, &before->login, same_client, &done));
	if (!done)
		lose_login(before->id);
	return CKR_OK;
}

/* CKR_OK with *needed when the caller has to restore, and nobody else does meanwhile. */
static CK_RV begin_restore(struct peer peer, CK_SLOT_ID id, bool fresh, uint64_t restored,
	struct slot *before, bool *needed)
{
	int64_t deadline_ms = wire_now_ms() + RESTORE_MS;
	struct timespec deadline = { deadline_ms / 1000, (deadline_ms % 1000) * 1000000 };
	struct slot *slot = slot_locked(id);

	*needed = false;
	while (slot && slot->restoring) {
		if (pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &deadline) != 0)
			return CKR_DEVICE_ERROR;
		slot = slot_locked(id);
	}
	if (!slot)
		return CKR_HOST_MEMORY;
	if (is_same_peer(slot->peer, peer))
		return CKR_OK;
	/* Either an old connection, or one that an earlier host accepted while another was already
	 * new. */
	if (!fresh || slot->restored != restored)
		return CKR_DEVICE_ERROR;
	*needed = true;
	slot->restoring = true;
	*before = *slot;
	return CKR_OK;
}

static void end_restore(CK_SLOT_ID id, struct peer peer, bool done)
{
	(void)pthread_mutex_lock(&lock);
	struct slot *slot = slot_locked(id);

	if (slot && done) {
		slot->peer = peer;
		slot->restored++;
		slot->epoch++;
	}
	if (slot)
		slot->restoring = false;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

CK_RV session_restore(struct connection *connection, CK_SLOT_ID slot, bool fresh, uint64_t restored)
{
	struct peer peer = connection_peer(connection);
	struct slot before;
	bool needed;

	(void)pthread_mutex_lock(&lock);
	CK_RV rv = begin_restore(peer, slot, fresh, restored, &before, &needed);

	(void)pthread_mutex_unlock(&lock);
	if (rv != CKR_OK || !needed)
		return rv;
	rv = restore(connection, &before);
	explicit_bzero(&before.login, sizeof(before.login));
	end_restore(slot, peer, rv == CKR_OK);
	return rv;
}

static void forget_all_locked(void)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		if (sessions[i].handle != CK_INVALID_HANDLE)
			explicit_bzero(&sessions[i], sizeof(sessions[i]));
	}
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		if (slots[i].used)
			explicit_bzero(&slots[i], sizeof(slots[i]));
	}
}

void session_forget_all(void)
{
	(void)pthread_mutex_lock(&lock);
	forget_all_locked();
	(void)pthread_mutex_unlock(&lock);
}

void session_forget_parent(void)
{
	static const pthread_mutex_t fresh_lock = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_cond_t fresh_cond = PTHREAD_COND_INITIALIZER;

	memcpy(&lock, &fresh_lock, sizeof(lock));
	memcpy(&changed, &fresh_cond, sizeof(changed));
	forget_all_locked();
}
