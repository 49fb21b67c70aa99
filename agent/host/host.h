/* SPDX-License-Identifier: Apache-2.0 */
/* One token host: its backend, its tokens, its clients, and the link to the front door. */
#ifndef IOTHSM_HOST_H
#define IOTHSM_HOST_H

#include <pthread.h>

#include "link.h"

struct client;
struct connection;
struct token;

enum { HOST_TOKENS_MAX = 256 };

struct host {
	CK_FUNCTION_LIST *functions;
	int link;
	char backend[64];
	char library[LINK_TEXT_MAX];
	char store[LINK_TEXT_MAX];
	uint8_t key[LINK_KEY_LEN]; /* of durable object handles */
	bool serial;
	pthread_mutex_t library_lock;          /* serial: one call at a time; recursive */
	uint64_t incarnation;                  /* random, never 0 */
	pthread_mutex_t lock;                  /* guards tokens, clients, connections */
	pthread_mutex_t listing;               /* one list of tokens at a time */
	pthread_cond_t ended;                  /* a connection */
	struct token *tokens[HOST_TOKENS_MAX]; /* never freed before the end */
	size_t token_count;
	struct client *clients;
	struct connection *connections;
	struct pending *pending; /* PINs, tickets and guards of tokens that are not there (yet) */
};

void host_init(struct host *host, CK_FUNCTION_LIST *functions, int link);
void host_reset(struct host *host);

/* Says something to the front; a front that is gone ends the host by its own end of file. */
void host_tell(struct host *host, const struct link_message *message);

/* The token of a serial (empty: the first uninitialised one), NULL when there is none. */
struct token *host_find_token(struct host *host, const char *serial);

/* Keeps a PIN, ticket or guard of the front for its token, now or when it appears. */
void host_remember(struct host *host, const struct link_message *message);

/* Lists the backend's slots again and tells the front. */
CK_RV host_list_tokens(struct host *host);

#endif
