/* SPDX-License-Identifier: Apache-2.0 */
/* A token host in this process, over the mock library, without its threads: calls go to dispatch
 * directly. */
#ifndef IOTHSM_HOST_FIXTURE_H
#define IOTHSM_HOST_FIXTURE_H

#include "client.h"
#include "mock_library.h"

enum { FIXTURE_ALL_RIGHTS = 0x1ff, FIXTURE_TYPES = LINK_MOVED + 1 };

struct fixture {
	struct host host;
	int front; /* the other end of the link */
	struct token *token;
	struct client *a, *b; /* two applications: uid 1000 and 1001, all rights */
	struct arena arena;   /* of the last call */
	Reply reply;
	unsigned told[FIXTURE_TYPES];            /* messages to the front by type */
	struct link_message last[FIXTURE_TYPES]; /* the last one of each */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The host dies and starts again: same mock library contents, same key, nothing else. */
void fixture_restart(struct fixture *fixture);

/* One call and its result; the reply stays until the next one. */
CK_RV fixture_call(struct fixture *fixture, struct client *client, Call call);

CK_RV fixture_open(struct fixture *fixture, struct client *client, CK_ULONG number, CK_FLAGS flags);
CK_RV fixture_login(struct fixture *fixture, struct client *client, CK_ULONG number,
	CK_USER_TYPE user, const char *pin);

/* The first object that the client finds by its label and class, CK_INVALID_HANDLE when there is
 * none. */
CK_OBJECT_HANDLE fixture_find(struct fixture *fixture, struct client *client, CK_ULONG number,
	CK_OBJECT_CLASS class, const char *label);

/* C_SignInit and C_Sign in one call, of "abc" with CKM_ECDSA. */
CK_RV fixture_sign(
	struct fixture *fixture, struct client *client, CK_ULONG number, CK_OBJECT_HANDLE key);

#endif
