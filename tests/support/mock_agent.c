/* SPDX-License-Identifier: Apache-2.0 */
/* An agent and one token host in a thread, for tests of the module: counts calls, restarts on
 * demand. */
#include "mock_agent.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOCK_CLIENTS = 64, MOCK_SESSIONS = 2048, MOCK_RAW_MAX = 4096 };

struct mock_client {
	int fd; /* -1: free */
	bool control;
	bool waiting; /* for others, before its C_GetSessionInfo is answered */
};

static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	bool stop;
	char directory[64];
	char path[96];
	int listener;
	int wake[2];
	struct mock_client clients[MOCK_CLIENTS];
	unsigned int counts[_Function_ARRAYSIZE];
	unsigned int accepted;
	uint64_t incarnation;
	uint8_t client_id[WIRE_CLIENT_ID_LEN];
	uint8_t ticket[WIRE_TICKET_LEN];
	bool ticket_valid;
	bool token_absent;
	bool merged;
	bool logged_in;
	bool context_login;
	bool sessions[MOCK_SESSIONS];
	CK_OBJECT_HANDLE sign_key[MOCK_SESSIONS];
	CK_ULONG found[MOCK_SESSIONS];
	CK_ULONG objects;
	Function lost;
	Function raw_function;
	size_t raw_len;
	uint8_t raw[MOCK_RAW_MAX];
	unsigned int parallel;
} mock = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What one answer is built in. */
struct scratch {
	CK_OBJECT_HANDLE handles[MOCK_OBJECTS];
	CK_SESSION_INFO session;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_SLOT_ID slots[1];
	CK_ATTRIBUTE attributes[WIRE_ATTRIBUTES_MAX];
};

static void forget_host(void)
{
	memset(mock.sessions, 0, sizeof(mock.sessions));
	memset(mock.sign_key, 0, sizeof(mock.sign_key));
	mock.logged_in = false;
	mock.incarnation++;
}

static void close_clients(bool control_too)
{
	for (size_t i = 0; i < MOCK_CLIENTS; i++) {
		struct mock_client *client = &mock.clients[i];

		if (client->fd < 0 || (client->control && !control_too))
			continue;
		/* The serving thread's poll() keeps the socket open beyond close(). */
		(void)shutdown(client->fd, SHUT_RDWR);
		(void)close(client->fd);
		client->fd = -1;
	}
}

static CK_RV answer_hello(struct mock_client *client, const Call *call, Reply *reply)
{
	client->control = call->data.len == 0;
	if (call->number != WIRE_VERSION || !bytes_equal(call->data2, wire_abi()))
		return CKR_FUNCTION_REJECTED;
	if (client->control) {
		mock.client_id[0]++;
		mock.ticket_valid = false;
		reply->data = bytes_of(mock.client_id, sizeof(mock.client_id));
		return CKR_OK;
	}
	if (!bytes_equal(call->data, bytes_of(mock.client_id, sizeof(mock.client_id))))
		return CKR_FUNCTION_REJECTED;
	if (call->handle != MOCK_SLOT)
		return CKR_SLOT_ID_INVALID;
	reply->number2 = mock.incarnation;
	return mock.token_absent ? CKR_TOKEN_NOT_PRESENT : CKR_OK;
}

static CK_RV answer_login(const Call *call, Reply *reply)
{
	if (call->number == CKU_CONTEXT_SPECIFIC) {
		mock.context_login = mock.sign_key[call->handle] != 0;
		return mock.context_login ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
	}
	if (mock.logged_in)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (call->data.data && !bytes_equal(call->data, bytes_of_text("1234")))
		return CKR_PIN_INCORRECT;
	mock.logged_in = true;
	mock.ticket_valid = true;
	mock.ticket[0]++;
	reply->data = bytes_of(mock.ticket, sizeof(mock.ticket));
	return CKR_OK;
}

static CK_RV answer_restore(const Call *call)
{
	mock.logged_in = mock.ticket_valid &&
			 bytes_equal(call->data, bytes_of(mock.ticket, sizeof(mock.ticket)));
	return mock.logged_in ? CKR_OK : CKR_PIN_INCORRECT;
}

static CK_RV begin_sign(const Call *call)
{
	if (call->object != MOCK_KEY && call->object != MOCK_KEY_ALWAYS)
		return CKR_KEY_HANDLE_INVALID;
	if (mock.sign_key[call->handle] != 0)
		return CKR_OPERATION_ACTIVE;
	mock.sign_key[call->handle] = (CK_OBJECT_HANDLE)call->object;
	return CKR_OK;
}

static CK_RV answer_sign(const Call *call, Reply *reply)
{
	if (call->has_mechanism) {
		mock.merged = true;
		TRY(begin_sign(call));
	}
	if (mock.sign_key[call->handle] == 0)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (mock.sign_key[call->handle] == MOCK_KEY_ALWAYS && !mock.context_login)
		return CKR_USER_NOT_LOGGED_IN;
	reply->number = MOCK_SIGNATURE_LEN;
	if (!call->has_room)
		return CKR_OK;
	if (call->room < MOCK_SIGNATURE_LEN)
		return CKR_BUFFER_TOO_SMALL;
	mock.sign_key[call->handle] = 0;
	mock.context_login = false;
	reply->data = bytes_of("mocksign", MOCK_SIGNATURE_LEN);
	return CKR_OK;
}

static CK_RV answer_find(const Call *call, Reply *reply, struct scratch *scratch)
{
	CK_ULONG *found = &mock.found[call->handle];

	if (call->function == Function_C_FindObjectsInit)
		*found = 0;
	CK_ULONG left = mock.objects - *found;
	CK_ULONG count = left < call->number ? left : (CK_ULONG)call->number;

	for (CK_ULONG i = 0; i < count; i++)
		scratch->handles[i] = ++*found;
	reply->data = bytes_of(scratch->handles, count * sizeof(scratch->handles[0]));
	reply->number = *found == mock.objects;
	return CKR_OK;
}

/* CKA_LABEL is "key", CKA_VALUE sensitive, CKA_WRAP_TEMPLATE { CKA_LABEL }; nothing else is known.
 */
static CK_RV answer_attributes(const struct attributes *asked)
{
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < asked->count; i++) {
		CK_ATTRIBUTE *attribute = &asked->list[i];

		if (attribute->type == CKA_WRAP_TEMPLATE && attribute->pValue) {
			struct attributes nested = { attribute->pValue,
				attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };

			(void)answer_attributes(&nested);
			continue;
		}
		bool fits = attribute->pValue && attribute->ulValueLen >= 3;

		if (attribute->type == CKA_LABEL && (fits || !attribute->pValue)) {
			if (fits)
				memcpy(attribute->pValue, "key", 3);
			attribute->ulValueLen = 3;
			continue;
		}
		rv = attribute->type == CKA_LABEL   ? CKR_BUFFER_TOO_SMALL
		     : attribute->type == CKA_VALUE ? CKR_ATTRIBUTE_SENSITIVE
						    : CKR_ATTRIBUTE_TYPE_INVALID;
		attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
	}
	return rv;
}

static CK_RV answer_session_call(const Call *call, Reply *reply, struct scratch *scratch)
{
	CK_SESSION_HANDLE session = (CK_SESSION_HANDLE)call->handle;

	switch (call->function) {
	case Function_C_CloseSession: mock.sessions[session] = false; return CKR_OK;
	case Function_C_Login: return answer_login(call, reply);
	case Function_C_Logout: mock.logged_in = false; return CKR_OK;
	case Function_RESTORE_LOGIN: return answer_restore(call);
	case Function_C_SignInit: return begin_sign(call);
	case Function_C_Sign: return answer_sign(call, reply);
	case Function_C_SignUpdate:
		return mock.sign_key[session] ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
	case Function_C_FindObjectsInit:
	case Function_C_FindObjects: return answer_find(call, reply, scratch);
	case Function_C_GetAttributeValue:
		reply->attributes = call->attributes;
		return answer_attributes(&call->attributes);
	case Function_C_GetSessionInfo:
		scratch->session = (CK_SESSION_INFO){ .slotID = MOCK_SLOT,
			.state = mock.logged_in ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION };
		reply->data = bytes_of(&scratch->session, sizeof(scratch->session));
		return CKR_OK;
	default: return CKR_OK;
	}
}

static CK_RV answer_call(
	struct mock_client *client, const Call *call, Reply *reply, struct scratch *scratch)
{
	switch (call->function) {
	case Function_HELLO: return answer_hello(client, call, reply);
	case Function_C_GetSlotList:
		scratch->slots[0] = MOCK_SLOT;
		reply->data = bytes_of(scratch->slots, sizeof(scratch->slots));
		return CKR_OK;
	case Function_C_GetSlotInfo:
		scratch->slot = (CK_SLOT_INFO){ .flags = CKF_TOKEN_PRESENT };
		reply->data = bytes_of(&scratch->slot, sizeof(scratch->slot));
		return call->handle == MOCK_SLOT ? CKR_OK : CKR_SLOT_ID_INVALID;
	case Function_C_GetTokenInfo:
		scratch->token = (CK_TOKEN_INFO){ .flags = CKF_TOKEN_INITIALIZED };
		reply->data = bytes_of(&scratch->token, sizeof(scratch->token));
		return CKR_OK;
	case Function_C_CloseAllSessions:
		memset(mock.sessions, 0, sizeof(mock.sessions));
		return CKR_OK;
	case Function_C_OpenSession:
		if (mock.sessions[call->handle])
			return CKR_SESSION_EXISTS;
		mock.sessions[call->handle] = true;
		return CKR_OK;
	default:
		if (call->handle >= MOCK_SESSIONS || !mock.sessions[call->handle])
			return CKR_SESSION_HANDLE_INVALID;
		return answer_session_call(call, reply, scratch);
	}
}

static void send_reply(const struct mock_client *client, const Call *call, const Reply *reply)
{
	struct frame frame = { 0 };

	if (mock.raw_function == call->function) {
		mock.raw_function = Function_NONE;
		frame.data = mock.raw;
		frame.len = mock.raw_len;
		(void)wire_send(client->fd, &frame, -1);
		return;
	}
	if (wire_encode_reply(&frame, reply))
		(void)wire_send(client->fd, &frame, -1);
	frame_free(&frame);
}

/* Holds answers back until enough of them are wanted at once. */
static bool is_held(struct mock_client *client, const Call *call)
{
	if (mock.parallel == 0 || call->function != Function_C_GetSessionInfo)
		return false;
	client->waiting = true;
	unsigned int waiting = 0;

	for (size_t i = 0; i < MOCK_CLIENTS; i++)
		waiting += mock.clients[i].fd >= 0 && mock.clients[i].waiting;
	return waiting < mock.parallel;
}

static void release_held(const Call *call, const Reply *reply)
{
	for (size_t i = 0; i < MOCK_CLIENTS; i++) {
		if (mock.clients[i].fd < 0 || !mock.clients[i].waiting)
			continue;
		mock.clients[i].waiting = false;
		send_reply(&mock.clients[i], call, reply);
	}
	mock.parallel = 0;
}

static void serve_locked(struct mock_client *client, struct frame *frame, struct arena *arena)
{
	static struct scratch scratch;
	Reply reply = { 0 };
	Call call;

	if (wire_receive(client->fd, frame, -1) != WIRE_DONE ||
		!wire_decode_call(bytes_of(frame->data, frame->len), arena, &call)) {
		(void)close(client->fd);
		client->fd = -1;
		return;
	}
	mock.counts[call.function]++;
	reply.rv = answer_call(client, &call, &reply, &scratch);
	if (mock.lost == call.function) {
		mock.lost = Function_NONE;
		(void)close(client->fd);
		client->fd = -1;
	} else if (!is_held(client, &call)) {
		if (client->waiting)
			release_held(&call, &reply);
		else
			send_reply(client, &call, &reply);
	}
}

static void accept_client_locked(void)
{
	int fd = accept4(mock.listener, NULL, NULL, SOCK_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < MOCK_CLIENTS; i++) {
		if (mock.clients[i].fd >= 0)
			continue;
		mock.clients[i] = (struct mock_client){ .fd = fd };
		mock.accepted++;
		return;
	}
}

static void *serve(void *unused)
{
	struct pollfd polled[MOCK_CLIENTS + 2];
	struct frame frame = { 0 };
	static struct arena arena;

	arena_init(&arena, WIRE_FRAME_MAX);
	(void)pthread_mutex_lock(&mock.lock);
	while (!mock.stop) {
		polled[0] = (struct pollfd){ .fd = mock.wake[0], .events = POLLIN };
		polled[1] = (struct pollfd){ .fd = mock.listener, .events = POLLIN };
		for (size_t i = 0; i < MOCK_CLIENTS; i++)
			polled[i + 2] =
				(struct pollfd){ .fd = mock.clients[i].fd, .events = POLLIN };
		(void)pthread_mutex_unlock(&mock.lock);
		(void)poll(polled, MOCK_CLIENTS + 2, -1);
		(void)pthread_mutex_lock(&mock.lock);
		for (size_t i = 0; i < MOCK_CLIENTS && !mock.stop; i++) {
			if (polled[i + 2].revents && mock.clients[i].fd == polled[i + 2].fd)
				serve_locked(&mock.clients[i], &frame, &arena);
			arena_reset(&arena);
		}
		char woken;

		if (polled[0].revents)
			(void)!read(mock.wake[0], &woken, 1);
		if (polled[1].revents && !mock.stop)
			accept_client_locked();
	}
	(void)pthread_mutex_unlock(&mock.lock);
	frame_free(&frame);
	return unused;
}

static void wake(void)
{
	ssize_t written = write(mock.wake[1], "", 1);

	assert(written == 1);
	(void)written;
}

void mock_start(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(mock.directory, sizeof(mock.directory), "/tmp/iothsm-mock-XXXXXX");
	if (!mkdtemp(mock.directory) || pipe(mock.wake) != 0)
		abort();
	(void)snprintf(mock.path, sizeof(mock.path), "%s/agent.sock", mock.directory);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", mock.path);
	mock.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(mock.listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(mock.listener, 64) != 0)
		abort();
	for (size_t i = 0; i < MOCK_CLIENTS; i++)
		mock.clients[i].fd = -1;
	memset(mock.counts, 0, sizeof(mock.counts));
	forget_host();
	mock.accepted = 0;
	mock.merged = false;
	mock.token_absent = false;
	mock.lost = Function_NONE;
	mock.raw_function = Function_NONE;
	mock.objects = 1;
	mock.parallel = 0;
	mock.stop = false;
	(void)setenv("IOTHSM_AGENT_SOCKET", mock.path, 1);
	if (pthread_create(&mock.thread, NULL, serve, NULL) != 0)
		abort();
}

void mock_stop(void)
{
	(void)pthread_mutex_lock(&mock.lock);
	mock.stop = true;
	wake();
	(void)pthread_mutex_unlock(&mock.lock);
	(void)pthread_join(mock.thread, NULL);
	close_clients(true);
	(void)close(mock.listener);
	(void)close(mock.wake[0]);
	(void)close(mock.wake[1]);
	(void)unlink(mock.path);
	(void)rmdir(mock.directory);
}

void mock_restart_host(void)
{
	(void)pthread_mutex_lock(&mock.lock);
	close_clients(false);
	forget_host();
	wake();
	(void)pthread_mutex_unlock(&mock.lock);
}

void mock_restart_agent(void)
{
	(void)pthread_mutex_lock(&mock.lock);
	close_clients(true);
	forget_host();
	wake();
	(void)pthread_mutex_unlock(&mock.lock);
}

void mock_lose_answer(Function function)
{
	(void)pthread_mutex_lock(&mock.lock);
	mock.lost = function;
	(void)pthread_mutex_unlock(&mock.lock);
}

void mock_set_token_present(bool present)
{
	(void)pthread_mutex_lock(&mock.lock);
	mock.token_absent = !present;
	(void)pthread_mutex_unlock(&mock.lock);
}

void mock_answer_raw(Function function, struct bytes payload)
{
	(void)pthread_mutex_lock(&mock.lock);
	assert(payload.len <= sizeof(mock.raw));
	mock.raw_function = function;
	mock.raw_len = payload.len;
	if (payload.len > 0)
		memcpy(mock.raw, payload.data, payload.len);
	(void)pthread_mutex_unlock(&mock.lock);
}

void mock_answer(Function function, const Reply *reply)
{
	struct frame frame = { 0 };

	if (!wire_encode_reply(&frame, reply))
		abort();
	mock_answer_raw(function, bytes_of(frame.data, frame.len));
	frame_free(&frame);
}

unsigned int mock_count(Function function)
{
	(void)pthread_mutex_lock(&mock.lock);
	unsigned int count = mock.counts[function];

	(void)pthread_mutex_unlock(&mock.lock);
	return count;
}

unsigned int mock_count_all(void)
{
	unsigned int count = 0;

	(void)pthread_mutex_lock(&mock.lock);
	for (size_t i = Function_HELLO + 1; i < _Function_ARRAYSIZE; i++)
		count += mock.counts[i];
	(void)pthread_mutex_unlock(&mock.lock);
	return count;
}

bool mock_saw_merged(void)
{
	(void)pthread_mutex_lock(&mock.lock);
	bool merged = mock.merged;

	(void)pthread_mutex_unlock(&mock.lock);
	return merged;
}

unsigned int mock_connections(void)
{
	(void)pthread_mutex_lock(&mock.lock);
	unsigned int accepted = mock.accepted;

	(void)pthread_mutex_unlock(&mock.lock);
	return accepted;
}

void mock_set_objects(CK_ULONG count)
{
	(void)pthread_mutex_lock(&mock.lock);
	mock.objects = count;
	(void)pthread_mutex_unlock(&mock.lock);
}

void mock_expect_parallel(unsigned int calls)
{
	(void)pthread_mutex_lock(&mock.lock);
	mock.parallel = calls;
	(void)pthread_mutex_unlock(&mock.lock);
}
