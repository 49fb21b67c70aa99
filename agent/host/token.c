/* SPDX-License-Identifier: Apache-2.0 */
/* One token of the backend: its native sessions, its one native login, and what all clients share
 * of it. */
#include "token.h"

#include <stdlib.h>

#include "client.h"
#include "connection.h"
#include "hashed.h"
#include "log.h"
#include "login.h"
#include "police_key.h"
#include "provision.h"
#include "record.h"
#include "text.h"

struct token *token_new(struct host *host, CK_SLOT_ID slot)
{
	struct token *token = calloc(1, sizeof(*token));

	if (!token)
		return NULL;
	token->pins = pins_new();
	token->police_keys = police_keys_new();
	if (!token->pins || !token->police_keys) {
		pins_free(token->pins);
		police_keys_free(token->police_keys);
		free(token);
		return NULL;
	}
	token->host = host;
	token->slot = slot;
	token->native_user = USER_NOBODY;
	gate_init(&token->gate, host->serial);
	(void)pthread_mutex_init(&token->lock, NULL);
	(void)pthread_mutex_init(&token->provisioning, NULL);
	tickets_init(&token->tickets);
	guard_init(&token->guard);
	objects_init(&token->objects);
	return token;
}

void token_free(struct token *token)
{
	if (!token)
		return;
	objects_reset(&token->objects);
	tickets_reset(&token->tickets);
	pins_free(token->pins);
	gate_reset(&token->gate);
	(void)pthread_mutex_destroy(&token->lock);
	(void)pthread_mutex_destroy(&token->provisioning);
	store_close(token->store);
	record_free(token->record);
	police_keys_free(token->police_keys);
	free(token->mechanisms);
	free(token);
}

static void open_store(struct token *token)
{
	struct host *host = token->host;

	if (host->store[0] == '\0' || token->facts.serial[0] == '\0')
		return;
	token->store = store_open(host->store, host->backend, token->facts.serial);
	if (!token->store)
		log_error("token: the agent's objects cannot be read, check state directory=%s "
			  "serial=%s",
			host->store, token->facts.serial);
}

CK_RV token_look(struct host *host, CK_SLOT_ID slot, struct token_facts *facts)
{
	CK_TOKEN_INFO info = { 0 };

	*facts = (struct token_facts){ 0 };
	TRY(host->functions->C_GetSlotInfo(slot, &facts->slot_info));
	if (!(facts->slot_info.flags & CKF_TOKEN_PRESENT))
		return CKR_OK;
	TRY(host->functions->C_GetTokenInfo(slot, &info));
	facts->present = true;
	facts->flags = info.flags;
	text_unpad(facts->label, info.label, sizeof(info.label));
	if (info.flags & CKF_TOKEN_INITIALIZED)
		text_unpad(facts->serial, info.serialNumber, sizeof(info.serialNumber));
	return CKR_OK;
}

void token_take_facts(struct token *token, const struct token_facts *facts)
{
	if (strcmp(facts->serial, token->facts.serial) != 0) {
		store_close(token->store);
		token->store = NULL;
		record_free(token->record);
		token->record = NULL;
	}
	token->facts = *facts;
	token->present = facts->present;
	if (!token->store)
		open_store(token);
}

/* A gate is a token's own; a library that is not thread-safe wants one call at a time over all of
 * them. */
static void lock_library(struct host *host)
{
	if (host->serial)
		(void)pthread_mutex_lock(&host->library_lock);
}

static void unlock_library(struct host *host)
{
	if (host->serial)
		(void)pthread_mutex_unlock(&host->library_lock);
}

/* Whoever waits for a turn ends the SO phase of one that has forgotten it. */
CK_RV token_enter(
	struct token *token, const struct client *client, enum gate_mode mode, int64_t wait_ms)
{
	const void *who = client ? (const void *)client : token;
	int64_t deadline_ms = wire_now_ms() + wait_ms;

	for (;;) {
		connection_pause_watch();
		CK_RV rv = gate_enter(&token->gate, who, mode, deadline_ms, TOKEN_SO_IDLE_MS);

		if (rv == CKR_DEVICE_ERROR)
			log_warn("token: no turn within %lld ms serial=%s", (long long)wait_ms,
				token->facts.serial);
		if (rv == CKR_OK)
			lock_library(token->host);
		connection_restart_watch();
		if (rv != CKR_FUNCTION_CANCELED)
			return rv;
		if (gate_take_over(&token->gate, token, TOKEN_SO_IDLE_MS)) {
			lock_library(token->host);
			login_expire_so(token);
			unlock_library(token->host);
			gate_leave(&token->gate, token);
		}
	}
}

void token_leave(struct token *token, const struct client *client)
{
	unlock_library(token->host);
	gate_leave(&token->gate, client ? (const void *)client : token);
}

static CK_RV open_native(struct token *token, CK_SESSION_HANDLE *session)
{
	return token->host->functions->C_OpenSession(
		token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
}

CK_RV token_take_session(struct token *token, CK_SESSION_HANDLE *session)
{
	(void)pthread_mutex_lock(&token->lock);
	bool pooled = token->pool_count > 0;

	if (pooled)
		*session = token->pool[--token->pool_count];
	(void)pthread_mutex_unlock(&token->lock);
	return pooled ? CKR_OK : open_native(token, session);
}

void token_put_session(struct token *token, CK_SESSION_HANDLE session)
{
	(void)pthread_mutex_lock(&token->lock);
	bool fits = token->pool_count < TOKEN_POOL_MAX;

	if (fits)
		token->pool[token->pool_count++] = session;
	(void)pthread_mutex_unlock(&token->lock);
	if (!fits)
		token_close_session(token, session);
}

void token_close_session(struct token *token, CK_SESSION_HANDLE session)
{
	CK_RV rv = token->host->functions->C_CloseSession(session);

	if (rv != CKR_OK)
		log_debug("token: a native session was gone already rv=0x%lx", rv);
}

CK_RV token_hold(struct token *token, CK_SESSION_HANDLE *anchor)
{
	CK_RV rv = CKR_OK;

	(void)pthread_mutex_lock(&token->lock);
	if (token->anchor == CK_INVALID_HANDLE)
		rv = open_native(token, &token->anchor);
	if (rv == CKR_OK)
		*anchor = token->anchor;
	(void)pthread_mutex_unlock(&token->lock);
	return rv;
}

void token_close_all(struct token *token)
{
	(void)pthread_mutex_lock(&token->lock);
	while (token->pool_count > 0)
		token_close_session(token, token->pool[--token->pool_count]);
	if (token->anchor != CK_INVALID_HANDLE)
		token_close_session(token, token->anchor);
	token->anchor = CK_INVALID_HANDLE;
	(void)pthread_mutex_unlock(&token->lock);
	objects_invalidate(token, true);
}

static bool is_listed(const CK_MECHANISM_TYPE *list, CK_ULONG count, CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (list[i] == type)
			return true;
	return false;
}

static CK_ULONG append_own(CK_MECHANISM_TYPE *list, CK_ULONG count)
{
	const struct hashed_form *form = NULL;
	size_t provisioning = 0;
	CK_ULONG native = count;

	for (size_t i = 0; (form = hashed_form_at(i)) != NULL; i++)
		if (is_listed(list, native, form->base) && !is_listed(list, native, form->type))
			list[count++] = form->type;
	const struct provision_mechanism *mechanisms = provision_mechanisms(&provisioning);

	for (size_t i = 0; i < provisioning && count < TOKEN_MECHANISMS_MAX; i++)
		list[count++] = mechanisms[i].type;
	return count;
}

static CK_RV read_mechanisms_locked(struct token *token)
{
	CK_MECHANISM_TYPE *list = calloc(TOKEN_MECHANISMS_MAX, sizeof(*list));
	CK_ULONG count = TOKEN_MECHANISMS_MAX - HASHED_FORMS_MAX;

	if (!list)
		return CKR_HOST_MEMORY;
	CK_RV rv = token->host->functions->C_GetMechanismList(token->slot, list, &count);

	if (rv != CKR_OK || count > TOKEN_MECHANISMS_MAX - HASHED_FORMS_MAX) {
		free(list);
		return rv != CKR_OK ? rv : CKR_DEVICE_ERROR;
	}
	token->native_mechanism_count = count;
	token->mechanism_count = append_own(list, count);
	token->mechanisms = list;
	return CKR_OK;
}

CK_RV token_mechanisms(struct token *token, const CK_MECHANISM_TYPE **list, CK_ULONG *count)
{
	CK_RV rv = CKR_OK;

	(void)pthread_mutex_lock(&token->lock);
	if (!token->mechanisms)
		rv = read_mechanisms_locked(token);
	if (rv == CKR_OK) {
		*list = token->mechanisms;
		*count = token->mechanism_count;
	}
	(void)pthread_mutex_unlock(&token->lock);
	return rv;
}

bool token_hashes(struct token *token, CK_MECHANISM_TYPE type)
{
	const CK_MECHANISM_TYPE *list = NULL;
	CK_ULONG count = 0;

	if (token_mechanisms(token, &list, &count) != CKR_OK)
		return false;
	return is_listed(list, count, type) &&
	       !is_listed(list, token->native_mechanism_count, type);
}
