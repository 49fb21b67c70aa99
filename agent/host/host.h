/* SPDX-License-Identifier: Apache-2.0 */
/* One token host: its backend, its tokens, its clients, and the link to the front door. */
#ifndef IOTHSM_HOST_H
#define IOTHSM_HOST_H

#include <pthread.h>

#include "budget.h"
#include "link.h"
#include "lookout.h"
#include "throttle.h"

struct client;
struct connection;
struct police_book;
struct share;
struct storage;
struct token;

enum {
	HOST_TOKENS_MAX = 256,
	HOST_BUSY_MAX = 64,
	HOST_MEMORY_BYTES = 256 * 1024 * 1024 /* until LINK_CONFIG says otherwise */
};

/* What is recorded of one token, where agent.conf says so. */
struct record_rule {
	char serial[LINK_SERIAL_LEN + 1];
	enum record_mode mode;
};

struct host {
	CK_FUNCTION_LIST *functions;
	int link;
	char backend[64];
	char library[LINK_TEXT_MAX];
	char store[LINK_TEXT_MAX];
	uint8_t key[LINK_KEY_LEN]; /* of durable object handles */
	bool serial;
	uint32_t busy_poll_us;
	int64_t call_ms;              /* after so long a call of the library counts as hanging */
	pthread_mutex_t library_lock; /* serial: one call at a time; recursive */
	uint64_t incarnation;         /* random, never 0 */
	pthread_mutex_t lock;    /* guards tokens, clients, connections, shares, busy, record_* */
	pthread_mutex_t listing; /* one list of tokens at a time */
	pthread_cond_t ended;    /* a connection, or the work of a busy one */
	struct token *tokens[HOST_TOKENS_MAX]; /* never freed before the end */
	size_t token_count;
	struct client *clients;
	struct connection *connections;
	struct budget memory; /* of all calls together */
	struct share *shares;
	uid_t busy_uids[HOST_BUSY_MAX]; /* of the clients that search for primes */
	size_t busy_count;
	char record_directory[LINK_TEXT_MAX]; /* empty: nothing is recorded */
	enum record_mode record_mode;         /* of tokens without a rule */
	struct record_rule record_rules[HOST_TOKENS_MAX];
	size_t record_rule_count;
	char watch[LINK_TEXT_MAX];     /* as configured */
	char directory[LINK_TEXT_MAX]; /* of SoftHSM2's tokens */
	struct lookout lookout;
	pthread_mutex_t making; /* guards known; held while the host itself changes the directory */
	struct storage *known;  /* what is in the directory and in SoftHSM2; NULL: unknown */
	_Atomic bool leaving;   /* another host has taken over */
	_Atomic int64_t leaving_ms;
	struct police_book *police_book; /* NULL: there is no policy */
	struct throttle refusals;        /* in the log */
	struct throttle policy_refusals;
	struct throttle complaints; /* the same, about connections */
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
