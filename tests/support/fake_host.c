/* SPDX-License-Identifier: Apache-2.0 */
/* A token host without a token: lists what it is told to and does on call what a broken one would.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"

enum { FAKE_CLIENTS_MAX = 64 };

struct fake_client {
	int fd;
	struct link_message who;
};

static struct fake_client clients[FAKE_CLIENTS_MAX];
static size_t client_count;
static CK_ULONG pins, tickets, guards, gone;
static bool initialised; /* a token in the uninitialised slot */

static void tell(struct link_message *message)
{
	if (!link_send(LINK_FD, message, -1))
		_exit(3);
}

static void list_token(const char *serial)
{
	struct link_message message = { .type = LINK_TOKEN,
		.slot_info.flags = CKF_TOKEN_PRESENT,
		.flags = *serial ? CKF_TOKEN_INITIALIZED : 0 };

	(void)snprintf(message.serial, sizeof(message.serial), "%s", serial);
	(void)snprintf(message.label, sizeof(message.label), "label %s", serial);
	tell(&message);
}

static void list_tokens(void)
{
	struct link_message end = { .type = LINK_TOKENS_END };

	list_token("0001");
	list_token("0002");
	if (initialised)
		list_token("new");
	list_token("");
	tell(&end);
}

static void answer(int fd, const Reply *reply)
{
	struct frame frame = { 0 };

	if (!wire_encode_reply(&frame, reply) || wire_send(fd, &frame, -1) != WIRE_DONE)
		_exit(4);
	frame_free(&frame);
}

/* What the front told: the serial, rights, and how much it gave back. */
static void answer_what_i_know(const struct fake_client *client)
{
	const CK_ULONG known[] = { pins, tickets, guards, gone, (CK_ULONG)getpid() };
	Reply reply = {
		.rv = CKR_OK, .number = client->who.rights, .data = bytes_of(known, sizeof(known))
	};

	answer(client->fd, &reply);
}

static void answer_serial(const struct fake_client *client)
{
	Reply reply = { .rv = CKR_OK, .data = bytes_of_text(client->who.serial) };

	answer(client->fd, &reply);
}

static void say(const struct fake_client *client, enum link_type type, const Call *call)
{
	struct link_message message = client->who;

	message.type = type;
	message.user = CKU_USER;
	message.number = 2;
	if (call->data.data)
		(void)secret_set(&message.secret, call->data);
	tell(&message);
}

static void initialise(const struct fake_client *client)
{
	struct link_message alias = client->who;

	alias.type = LINK_ALIAS;
	(void)strcpy(alias.serial, "new");
	initialised = true;
	tell(&alias);
	list_tokens();
}

static void obey(const struct fake_client *client, const Call *call)
{
	const Reply done = { .rv = CKR_OK };
	struct link_message restart = { .type = LINK_RESTART };

	switch (call->function) {
	case Function_C_GetTokenInfo: answer_what_i_know(client); return;
	case Function_C_GetSessionInfo: answer_serial(client); return;
	case Function_C_Login: say(client, LINK_TICKET, call); break;
	case Function_C_Logout: say(client, LINK_TICKET_VOID, call); break;
	case Function_C_SetPIN: say(client, LINK_GUARD, call); break;
	case Function_ADMIN_KEEP_PIN: say(client, LINK_KEEP_PIN, call); break;
	case Function_ADMIN_FORGET_PIN: say(client, LINK_FORGET_PIN, call); break;
	case Function_C_InitToken: initialise(client); break;
	case Function_ADMIN_DELETE_TOKEN: tell(&restart); _exit(0);
	case Function_ADMIN_CLEAR_GUARD: tell(&restart); break;
	case Function_C_DestroyObject: abort();
	case Function_C_SeedRandom: (void)send(LINK_FD, "garbage", 7, MSG_NOSIGNAL); break;
	default: break;
	}
	answer(client->fd, &done);
}

static void hear_front(void)
{
	struct link_message message;
	int fd;

	if (!link_receive(LINK_FD, &message, &fd))
		_exit(0);
	switch (message.type) {
	case LINK_START:
	case LINK_RESCAN: list_tokens(); break;
	case LINK_PING: tell(&(struct link_message){ .type = LINK_PONG }); break;
	case LINK_LEAVE: tell(&(struct link_message){ .type = LINK_STAYS_END }); _exit(0);
	case LINK_PIN: pins = message.secret.present ? pins + 1 : 0; break;
	case LINK_TICKET: tickets++; break;
	case LINK_GUARD: guards++; break;
	case LINK_CLIENT_GONE: gone++; break;
	case LINK_CLIENT:
		if (client_count == FAKE_CLIENTS_MAX || fd < 0)
			_exit(5);
		clients[client_count++] = (struct fake_client){ fd, message };
		answer(fd, &(Reply){ .rv = CKR_OK });
		break;
	default: break;
	}
}

static void hear_client(size_t index)
{
	struct fake_client *client = &clients[index];
	struct frame frame = { 0 };
	struct arena arena;
	Call call;

	arena_init(&arena, 65536);
	if (wire_receive(client->fd, &frame, -1) == WIRE_DONE &&
		wire_decode_call(bytes_of(frame.data, frame.len), &arena, &call)) {
		obey(client, &call);
	} else {
		(void)close(client->fd);
		*client = clients[--client_count];
	}
	arena_reset(&arena);
	frame_free(&frame);
}

int main(void)
{
	while (true) {
		struct pollfd polls[1 + FAKE_CLIENTS_MAX] = { { LINK_FD, POLLIN, 0 } };
		size_t count = client_count;

		for (size_t i = 0; i < count; i++)
			polls[1 + i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
		if (poll(polls, 1 + count, -1) < 0 && errno != EINTR)
			return 1;
		if (polls[0].revents)
			hear_front();
		for (size_t i = count; i > 0; i--)
			if (polls[i].revents)
				hear_client(i - 1);
	}
}
