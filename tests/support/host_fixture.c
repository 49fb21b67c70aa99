/* SPDX-License-Identifier: Apache-2.0 */
/* A token host in this process, over the mock library, without its threads: calls go to dispatch
 * directly. */
#include "host_fixture.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "dispatch.h"

static struct client *attach(struct fixture *fixture, uint8_t id, uid_t uid)
{
	struct link_message message = { .type = LINK_CLIENT,
		.uid = uid,
		.rights = FIXTURE_ALL_RIGHTS,
		.mechanisms.count = LINK_MECHANISMS_ALL,
		.slot = 42 };

	memset(message.client, id, sizeof(message.client));
	return client_attach(&fixture->host, fixture->token, &message);
}

static void read_front(struct fixture *fixture)
{
	struct link_message message;
	int fd = -1;

	while (recv(fixture->front, &message, sizeof(message), MSG_PEEK | MSG_DONTWAIT) > 0) {
		if (!link_receive(fixture->front, &message, &fd))
			abort();
		fixture->told[message.type]++;
		fixture->last[message.type] = message;
	}
}

static void start(struct fixture *fixture)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		abort();
	fixture->front = ends[1];
	host_init(&fixture->host, mock_library_functions(), ends[0]);
	memset(fixture->host.key, 0x11, sizeof(fixture->host.key));
	if (host_list_tokens(&fixture->host) != CKR_OK)
		abort();
	fixture->token = fixture->host.tokens[0];
	fixture->a = attach(fixture, 1, 1000);
	fixture->b = attach(fixture, 2, 1001);
	read_front(fixture);
}

static void stop(struct fixture *fixture)
{
	uint8_t id[WIRE_CLIENT_ID_LEN];

	client_detach(fixture->a);
	client_detach(fixture->b);
	memset(id, 1, sizeof(id));
	client_gone(&fixture->host, id);
	memset(id, 2, sizeof(id));
	client_gone(&fixture->host, id);
	(void)connection_wait_all(&fixture->host, 60000);
	token_close_all(fixture->token);
	(void)close(fixture->host.link);
	(void)close(fixture->front);
	arena_reset(&fixture->arena);
	host_reset(&fixture->host);
}

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	mock_library_reset();
	arena_init(&fixture->arena, WIRE_FRAME_MAX);
	start(fixture);
	*state = fixture;
	return 0;
}

int fixture_teardown(void **state)
{
	stop(*state);
	free(*state);
	return 0;
}

void fixture_restart(struct fixture *fixture)
{
	stop(fixture);
	start(fixture);
}

CK_RV fixture_call(struct fixture *fixture, struct client *client, Call call)
{
	arena_reset(&fixture->arena);
	dispatch_call(client, &call, &fixture->arena, &fixture->reply);
	read_front(fixture);
	return fixture->reply.rv;
}

CK_RV fixture_open(struct fixture *fixture, struct client *client, CK_ULONG number, CK_FLAGS flags)
{
	return fixture_call(fixture, client,
		(Call){ .function = Function_C_OpenSession,
			.handle = number,
			.number = CKF_SERIAL_SESSION | flags });
}

CK_RV fixture_login(struct fixture *fixture, struct client *client, CK_ULONG number,
	CK_USER_TYPE user, const char *pin)
{
	return fixture_call(fixture, client,
		(Call){ .function = Function_C_Login,
			.handle = number,
			.number = user,
			.data = pin ? bytes_of_text(pin) : bytes_of(NULL, 0) });
}

CK_OBJECT_HANDLE fixture_find(struct fixture *fixture, struct client *client, CK_ULONG number,
	CK_OBJECT_CLASS class, const char *label)
{
	char copy[MOCK_VALUE_MAX];
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, copy, strlen(label) } };
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;

	(void)strcpy(copy, label);
	if (fixture_call(fixture, client,
		    (Call){ .function = Function_C_FindObjectsInit,
			    .handle = number,
			    .number = WIRE_FIND_FIRST,
			    .attributes = { template, 2 } }) != CKR_OK)
		return CK_INVALID_HANDLE;
	if (fixture->reply.data.len >= sizeof(handle))
		memcpy(&handle, fixture->reply.data.data, sizeof(handle));
	return handle;
}

CK_RV fixture_sign(
	struct fixture *fixture, struct client *client, CK_ULONG number, CK_OBJECT_HANDLE key)
{
	return fixture_call(fixture, client,
		(Call){ .function = Function_C_Sign,
			.handle = number,
			.object = key,
			.has_mechanism = true,
			.mechanism = CKM_ECDSA,
			.data = bytes_of_text("abc"),
			.has_room = true,
			.room = MOCK_SIGNATURE_LEN });
}
