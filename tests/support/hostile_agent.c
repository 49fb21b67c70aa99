/* SPDX-License-Identifier: Apache-2.0 */
/* An agent that answers what a byte stream says, behind socket pairs and a clock that runs as it is
 * told: connect(), sendmsg(), poll() and clock_gettime() of the module are wrapped at link time. */
#include "hostile_agent.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	AGENT_DESCRIPTORS_MAX = 1024,
	AGENT_ANSWERS_MAX = 128,
	AGENT_VALUE_MAX = 512,
	AGENT_NAP_MS = 4000 /* a nap of the module between two tries to connect */
};

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_clock_gettime(clockid_t clock, struct timespec *now);

enum answer {
	ANSWER_GOOD, /* as an agent would, apart from the numbers */
	ANSWER_REPLY,
	ANSWER_PAYLOAD, /* of a frame with a true length */
	ANSWER_RAW,     /* whatever: lengths that lie, half frames, two at once */
	ANSWER_SILENCE,
	ANSWER_CLOSE,
	ANSWER_KINDS
};

static struct {
	struct script *script;
	int ends[AGENT_DESCRIPTORS_MAX]; /* by the descriptor of the module; 0: none */
	unsigned answers;
	int64_t skipped_ms;
	struct arena calls, replies;
	struct frame received, frame;
} agent;

uint8_t script_byte(struct script *script)
{
	if (script->len == 0)
		return 0;
	script->len--;
	return *script->data++;
}

uint64_t script_number(struct script *script)
{
	enum { NUMBER_LONG = 0xff };
	uint64_t number = script_byte(script);

	if (number == NUMBER_LONG)
		for (size_t i = 0; i < sizeof(number); i++)
			number = number << 8 | script_byte(script);
	return number;
}

struct bytes script_bytes(struct script *script, size_t len)
{
	struct bytes taken = { script->data, len < script->len ? len : script->len };

	script->data += taken.len;
	script->len -= taken.len;
	return taken;
}

/* Any time that the module would wait passes at once. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	if (clock == CLOCK_MONOTONIC) {
		now->tv_sec += agent.skipped_ms / 1000;
		now->tv_nsec += agent.skipped_ms % 1000 * 1000000;
		now->tv_sec += now->tv_nsec / 1000000000;
		now->tv_nsec %= 1000000000;
	}
	return result;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready = __real_poll(fds, count, 0);

	if (ready == 0 && timeout > 0)
		agent.skipped_ms += count == 0 ? AGENT_NAP_MS : timeout;
	return ready;
}

static void hang_up(int fd)
{
	if (fd < 0 || fd >= AGENT_DESCRIPTORS_MAX || agent.ends[fd] == 0)
		return;
	(void)close(agent.ends[fd]);
	agent.ends[fd] = 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int ends[2];

	(void)address;
	(void)len;
	hang_up(fd); /* of a connection that the module closed long ago */
	if (!agent.script || agent.script->len == 0 || fd >= AGENT_DESCRIPTORS_MAX) {
		errno = ECONNREFUSED;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
		dup2(ends[0], fd) != fd)
		abort();
	(void)close(ends[0]);
	agent.ends[fd] = ends[1];
	return 0;
}

static CK_RV script_result(struct script *script)
{
	static const CK_RV results[] = { CKR_OK, CKR_OK, CKR_OK, CKR_BUFFER_TOO_SMALL,
		CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_SESSION_HANDLE_INVALID,
		CKR_SESSION_EXISTS, CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED,
		CKR_USER_NOT_LOGGED_IN, CKR_TOKEN_NOT_PRESENT, CKR_DEVICE_ERROR,
		CKR_FUNCTION_NOT_SUPPORTED, CKR_DATA_LEN_RANGE };
	uint8_t choice = script_byte(script);

	return choice < ARRAY_LEN(results) ? results[choice] : (CK_RV)script_number(script);
}

/* A value, a length alone, or a list in it; as many as were asked for, or one more or less. */
static CK_ATTRIBUTE make_attribute(struct script *script, const CK_ATTRIBUTE *asked, int depth)
{
	CK_ATTRIBUTE attribute = { .type = asked ? asked->type : script_number(script) };
	uint64_t len = script_number(script);

	if (wire_nests(attribute.type) && depth < WIRE_DEPTH_MAX && len % 4 < 3) {
		CK_ATTRIBUTE *list = arena_take(&agent.replies, sizeof(*list) * 4);

		for (size_t i = 0; list && i < len % 4; i++)
			list[i] = make_attribute(script, NULL, depth + 1);
		attribute.pValue = list;
		attribute.ulValueLen = list ? len % 4 * sizeof(*list) : 0;
		return attribute;
	}
	attribute.ulValueLen = len;
	if (len % 2 == 0 && len < AGENT_VALUE_MAX) {
		attribute.pValue = arena_take(&agent.replies, len);
		attribute.ulValueLen = attribute.pValue ? len : 0;
	}
	return attribute;
}

static struct attributes make_list(struct script *script, const struct attributes *asked)
{
	static const unsigned counts[] = { 0, 0, 0, 1 };
	CK_ULONG count = asked->count + counts[script_byte(script) % ARRAY_LEN(counts)];
	CK_ATTRIBUTE *list = arena_take(&agent.replies, sizeof(*list) * (count + 1));

	if (!list || count > WIRE_ATTRIBUTES_MAX)
		return (struct attributes){ 0 };
	for (CK_ULONG i = 0; i < count; i++)
		list[i] = make_attribute(script, i < asked->count ? &asked->list[i] : NULL, 1);
	return (struct attributes){ list, count };
}

/* How long the data of a sound reply is: the wire names no types. */
static size_t sound_len(const Call *call, struct script *script)
{
	switch (call->function) {
	case Function_HELLO: return call->data.len == 0 ? WIRE_CLIENT_ID_LEN : 0;
	case Function_C_GetSlotInfo: return sizeof(CK_SLOT_INFO);
	case Function_C_GetTokenInfo: return sizeof(CK_TOKEN_INFO);
	case Function_C_GetMechanismInfo: return sizeof(CK_MECHANISM_INFO);
	case Function_C_GetSessionInfo: return sizeof(CK_SESSION_INFO);
	case Function_C_Login: return WIRE_TICKET_LEN;
	case Function_C_GetSlotList:
	case Function_C_GetMechanismList:
	case Function_C_FindObjects:
	case Function_C_FindObjectsInit: return sizeof(CK_ULONG) * script_byte(script);
	case Function_C_GenerateRandom: return call->number < AGENT_VALUE_MAX ? call->number : 0;
	default: return call->has_room && call->room < AGENT_VALUE_MAX ? call->room : 0;
	}
}

static Reply make_reply(const Call *call, struct script *script, bool sound)
{
	Reply reply = { .rv = sound ? CKR_OK : script_result(script) };
	size_t len =
		sound ? sound_len(call, script) : script_number(script) % (2 * AGENT_VALUE_MAX);
	uint8_t *data = arena_take(&agent.replies, len);
	struct bytes given = script_bytes(script, len < 32 ? len : 32);

	if (data && given.len > 0)
		memcpy(data, given.data, given.len);
	reply.data = bytes_of(data, len);
	reply.number = script_number(script);
	reply.number2 = sound ? 1 : script_number(script);
	if (call->query)
		reply.attributes = make_list(script, &call->attributes);
	return reply;
}

static void put(int end, const void *data, size_t len)
{
	(void)send(end, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void put_frame(int end, struct bytes payload)
{
	uint32_t len = (uint32_t)payload.len;

	put(end, &len, sizeof(len));
	put(end, payload.data, payload.len);
}

static void answer(int fd, const Call *call)
{
	struct script *script = agent.script;
	enum answer kind = script->len == 0 ? ANSWER_CLOSE : script_byte(script) % ANSWER_KINDS;
	Reply reply;

	switch (kind) {
	case ANSWER_GOOD:
	case ANSWER_REPLY:
		reply = make_reply(call, script, kind == ANSWER_GOOD);
		if (wire_encode_reply(&agent.frame, &reply))
			put_frame(agent.ends[fd], bytes_of(agent.frame.data, agent.frame.len));
		break;
	case ANSWER_PAYLOAD:
		put_frame(agent.ends[fd], script_bytes(script, script_byte(script)));
		break;
	case ANSWER_RAW: {
		struct bytes raw = script_bytes(script, script_byte(script));

		put(agent.ends[fd], raw.data, raw.len);
		break;
	}
	case ANSWER_SILENCE: break;
	default: hang_up(fd); break;
	}
}

/* The module's call is whole: it is read here, and the answer lies ready before it is awaited. */
static void hear(int fd)
{
	struct frame *received = &agent.received;
	Call call = { 0 };

	if (wire_receive(agent.ends[fd], received, -1) != WIRE_DONE)
		abort();
	if (!wire_decode_call(bytes_of(received->data, received->len), &agent.calls, &call))
		abort(); /* the module sent what no agent takes */
	if (agent.answers++ < AGENT_ANSWERS_MAX)
		answer(fd, &call);
	else
		hang_up(fd);
	arena_reset(&agent.calls);
	arena_reset(&agent.replies);
}

static size_t parts_len(const struct msghdr *message)
{
	size_t len = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		len += message->msg_iov[i].iov_len;
	return len;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	size_t len = parts_len(message);

	if (fd < 0 || fd >= AGENT_DESCRIPTORS_MAX || agent.ends[fd] == 0) {
		errno = EPIPE;
		return -1;
	}
	ssize_t sent = __real_sendmsg(fd, message, flags);

	if (sent == (ssize_t)len)
		hear(fd);
	return sent;
}

void hostile_agent_play(struct script *script)
{
	for (int fd = 0; fd < AGENT_DESCRIPTORS_MAX; fd++)
		hang_up(fd);
	agent.script = script;
	agent.answers = 0;
	arena_init(&agent.calls, 2 * WIRE_FRAME_MAX);
	arena_init(&agent.replies, WIRE_FRAME_MAX);
}
