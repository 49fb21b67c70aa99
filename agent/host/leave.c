/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a host that another one took over from: each client goes when it has nothing to lose.
 */
#include "leave.h"

#include "connection.h"
#include "login.h"
#include "session.h"

/* What the client was told of already is in its own hands. */
static bool find_has_more(const struct find *find)
{
	return find->active && find->next < find->count;
}

static bool session_has_work(const struct session *session)
{
	return session->active != 0 || session->sign.form || session->verify.form ||
	       session->encrypt.hash || session->decrypt.hash || session->job ||
	       find_has_more(&session->find) || session->holder != CK_INVALID_HANDLE;
}

/* No call of the client is running, so nothing of it changes. */
static bool has_work(struct client *client)
{
	bool work = client->login == CKU_SO;

	(void)pthread_mutex_lock(&client->lock);
	for (size_t i = 0; i < CLIENT_BUCKETS && !work; i++)
		for (const struct session *session = client->buckets[i]; session && !work;
			session = session->next)
			work = session_has_work(session);
	(void)pthread_mutex_unlock(&client->lock);
	return work;
}

static bool is_overdue(const struct host *host)
{
	return wire_now_ms() - host->leaving_ms >= LEAVE_WORK_MS;
}

static void tell(struct client *client, enum link_type type)
{
	struct link_message message = { .type = type };

	memcpy(message.client, client->id, sizeof(message.client));
	memcpy(message.serial, client->token->facts.serial, sizeof(message.serial));
	host_tell(client->token->host, &message);
}

/* Whoever begins a call looks at moved after it was counted, so one of both sees the other. */
static bool move_locked(struct client *client)
{
	struct host *host = client->token->host;

	if (client->moved)
		return true;
	client->moved = true;
	if (client->calls == 0 && (is_overdue(host) || !has_work(client)))
		return true;
	client->moved = false;
	return false;
}

static void try_locked(struct client *client)
{
	if (client->moved || !client->known_to_front || !move_locked(client))
		return;
	/* In this order: the front knows it before the client can come back. */
	tell(client, LINK_MOVED);
	connection_stop_reading_locked(client->token->host, client);
}

void leave_try_all(struct host *host)
{
	(void)pthread_mutex_lock(&host->lock);
	for (struct client *client = host->clients; client; client = client->next)
		try_locked(client);
	(void)pthread_mutex_unlock(&host->lock);
}

void leave_begin(struct host *host)
{
	const struct link_message end = { .type = LINK_STAYS_END };

	host->leaving_ms = wire_now_ms();
	host->leaving = true;
	leave_try_all(host);
	(void)pthread_mutex_lock(&host->lock);
	for (struct client *client = host->clients; client; client = client->next)
		if (!client->moved && client->known_to_front)
			tell(client, LINK_STAY);
	host_tell(host, &end);
	(void)pthread_mutex_unlock(&host->lock);
}

bool leave_is_done(struct host *host)
{
	bool done = host->leaving;

	(void)pthread_mutex_lock(&host->lock);
	done = done && !host->connections;
	for (const struct client *client = host->clients; client && done; client = client->next)
		done = client->moved || !client->known_to_front;
	(void)pthread_mutex_unlock(&host->lock);
	return done;
}

bool leave_enter_call(struct client *client)
{
	client->calls++;
	if (!client->moved)
		return true;
	client->calls--;
	return false;
}

void leave_end_call(struct client *client)
{
	struct host *host = client->token->host;

	client->calls--;
	if (!host->leaving || client->moved)
		return;
	(void)pthread_mutex_lock(&host->lock);
	try_locked(client);
	(void)pthread_mutex_unlock(&host->lock);
}
