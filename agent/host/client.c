/* SPDX-License-Identifier: Apache-2.0 */
/* One application on one token: its rights, its login and its sessions, shared by all its
 * connections. */
#include "client.h"

#include <stdlib.h>

#include "connection.h"
#include "log.h"
#include "login.h"
#include "session.h"
#include "share.h"

static struct client *find_locked(struct host *host, const struct token *token, const uint8_t *id)
{
	for (struct client *client = host->clients; client; client = client->next)
		if (client->token == token && client->known_to_front &&
			memcmp(client->id, id, WIRE_CLIENT_ID_LEN) == 0)
			return client;
	return NULL;
}

static struct client *new_locked(
	struct host *host, struct token *token, const struct link_message *message)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->share = share_get_locked(host, message->uid);
	if (!client->share) {
		free(client);
		return NULL;
	}
	client->token = token;
	client->uid = message->uid;
	client->gid = message->gid;
	client->pid = message->pid;
	client->login = USER_NOBODY;
	client->refs = 1;
	client->known_to_front = true;
	memcpy(client->id, message->client, sizeof(client->id));
	(void)pthread_mutex_init(&client->lock, NULL);
	client->next = host->clients;
	host->clients = client;
	return client;
}

static unsigned count_of_uid_locked(const struct host *host, uid_t uid)
{
	unsigned count = 0;

	for (const struct client *client = host->clients; client; client = client->next)
		if (client->uid == uid)
			count += client->connections;
	return count;
}

static struct client *find_or_new_locked(
	struct host *host, struct token *token, const struct link_message *message)
{
	if (count_of_uid_locked(host, message->uid) >= CLIENT_CONNECTIONS_OF_UID_MAX)
		return NULL;
	struct client *client = find_locked(host, token, message->client);

	return client ? client : new_locked(host, token, message);
}

/* The list is there before it counts; a call that is under way was judged by the former one. */
static void take_rights(struct client *client, const struct link_message *message)
{
	client->rights = message->rights;
	(void)pthread_mutex_lock(&client->lock);
	client->mechanisms = message->mechanisms;
	client->mechanisms_limited = message->mechanisms.count != LINK_MECHANISMS_ALL;
	(void)pthread_mutex_unlock(&client->lock);
}

struct client *client_attach(
	struct host *host, struct token *token, const struct link_message *message)
{
	(void)pthread_mutex_lock(&host->lock);
	struct client *client = find_or_new_locked(host, token, message);

	if (client &&
		(client->connections >= CLIENT_CONNECTIONS_MAX || client->uid != message->uid))
		client = NULL;
	if (client) {
		take_rights(client, message);
		client->slot = message->slot;
		client->connections++;
		client->refs++;
	}
	(void)pthread_mutex_unlock(&host->lock);
	return client;
}

static void client_free(struct client *client)
{
	(void)pthread_mutex_destroy(&client->lock);
	free(client);
}

static void unlink_locked(struct host *host, const struct client *client)
{
	struct client **at = &host->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
}

/* Still in the list while it ends its login, so that a lost login of the token reaches it as well.
 */
static void tear_down(struct client *client)
{
	struct host *host = client->token->host;

	/* Nobody else holds one of its sessions any more. */
	(void)session_close_all(client, wire_now_ms() + SESSION_WAIT_MS);
	login_end(client);
	(void)pthread_mutex_lock(&host->lock);
	unlink_locked(host, client);
	share_put_locked(host, client->share);
	(void)pthread_mutex_unlock(&host->lock);
	client_free(client);
}

void client_detach(struct client *client)
{
	struct host *host = client->token->host;

	(void)pthread_mutex_lock(&host->lock);
	client->connections--;
	bool last = --client->refs == 0;

	(void)pthread_mutex_unlock(&host->lock);
	if (last)
		tear_down(client);
}

static void tear_down_later(void *client)
{
	tear_down(client);
}

/* The main loop must not wait for a token, so what has no connection left is ended by a thread of
 * its own. */
static void give_up(struct client *client)
{
	struct host *host = client->token->host;

	(void)pthread_mutex_lock(&host->lock);
	bool last = --client->refs == 0;

	(void)pthread_mutex_unlock(&host->lock);
	if (last && !connection_run_aside(host, tear_down_later, client))
		log_error("client: cannot end it, out of threads serial=%s",
			client->token->facts.serial);
}

static struct client *take_known(struct host *host, const uint8_t *id)
{
	struct client *found = NULL;

	(void)pthread_mutex_lock(&host->lock);
	for (struct client *client = host->clients; client && !found; client = client->next)
		if (client->known_to_front && memcmp(client->id, id, WIRE_CLIENT_ID_LEN) == 0)
			found = client;
	if (found)
		found->known_to_front = false;
	(void)pthread_mutex_unlock(&host->lock);
	return found;
}

void client_gone(struct host *host, const uint8_t *id)
{
	struct client *client = NULL;

	while ((client = take_known(host, id)) != NULL) {
		connection_shut_down(host, client);
		give_up(client);
	}
}

void client_free_all(struct host *host)
{
	while (host->clients) {
		struct client *client = host->clients;

		host->clients = client->next;
		session_drop_all(client);
		objects_forget_session(client->token, client, NULL);
		share_put_locked(host, client->share);
		client_free(client);
	}
}

static unsigned count_sessions(struct client *client)
{
	(void)pthread_mutex_lock(&client->lock);
	unsigned count = client->sessions;

	(void)pthread_mutex_unlock(&client->lock);
	return count;
}

bool client_is_token_used(struct token *token, const struct client *except)
{
	bool used = false;

	(void)pthread_mutex_lock(&token->host->lock);
	for (struct client *client = token->host->clients; client && !used; client = client->next)
		used = client->token == token && client != except && count_sessions(client) > 0;
	(void)pthread_mutex_unlock(&token->host->lock);
	return used;
}

void client_log_out_all(struct token *token)
{
	(void)pthread_mutex_lock(&token->host->lock);
	for (struct client *client = token->host->clients; client; client = client->next) {
		if (client->token != token || client->login != CKU_USER)
			continue;
		client->login = USER_NOBODY;
		client->epoch++;
	}
	(void)pthread_mutex_unlock(&token->host->lock);
	token->users = 0;
}
