/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

struct fixture {
	struct frame frame;
	struct arena arena;
	Call call;
	Reply reply;
	int ends[2];
};

static struct fixture fixture;

static int set_up(void **state)
{
	*state = &fixture;
	arena_init(&fixture.arena, WIRE_FRAME_MAX);
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fixture.ends);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	frame_free(&f->frame);
	arena_reset(&f->arena);
	(void)close(f->ends[0]);
	(void)close(f->ends[1]);
	return 0;
}

static struct bytes payload(const struct fixture *f)
{
	return bytes_of(f->frame.data, f->frame.len);
}

static bool call_travels(struct fixture *f, const Call *call)
{
	return wire_encode_call(&f->frame, call) &&
	       wire_decode_call(payload(f), &f->arena, &f->call);
}

static bool reply_travels(struct fixture *f, const Reply *reply)
{
	return wire_encode_reply(&f->frame, reply) &&
	       wire_decode_reply(payload(f), &f->arena, &f->reply);
}

static void numbers_and_bytes_travel(void **state)
{
	struct fixture *f = *state;
	Call call = { .function = Function_C_Sign,
		.handle = 1,
		.object = UINT64_MAX,
		.has_mechanism = true,
		.data = bytes_of_text("message"),
		.has_room = true,
		.room = 64 };

	assert_true(call_travels(f, &call));

	assert_int_equal(f->call.function, Function_C_Sign);
	assert_true(f->call.object == UINT64_MAX);
	assert_true(f->call.has_mechanism && f->call.mechanism == 0);
	assert_true(bytes_equal(f->call.data, call.data));
	assert_true(f->call.has_room && f->call.room == 64);
	assert_null(f->call.data2.data);
}

static void absent_and_empty_bytes_differ(void **state)
{
	struct fixture *f = *state;
	Call call = { .data = bytes_of("", 0) };

	assert_true(call_travels(f, &call));

	assert_non_null(f->call.data.data);
	assert_int_equal(f->call.data.len, 0);
	assert_null(f->call.parameter.data);
}

static void decoded_bytes_are_views_into_the_frame(void **state)
{
	struct fixture *f = *state;
	Call call = { .data = bytes_of_text("zero-copy") };

	assert_true(call_travels(f, &call));

	assert_in_range((uintptr_t)f->call.data.data, (uintptr_t)f->frame.data,
		(uintptr_t)f->frame.data + f->frame.len);
}

static void template_values_arrive_aligned(void **state)
{
	struct fixture *f = *state;
	CK_ULONG class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE list[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_LABEL, NULL, 0 },
		{ CKA_ID, (void *)(uintptr_t) "", 0 } };
	Call call = { .attributes = { list, 3 } };

	assert_true(call_travels(f, &call));

	CK_ATTRIBUTE *got = f->call.attributes.list;

	assert_int_equal(f->call.attributes.count, 3);
	assert_int_equal((uintptr_t)got[0].pValue % 16, 0);
	assert_int_equal(*(CK_ULONG *)got[0].pValue, class);
	assert_null(got[1].pValue);
	assert_non_null(got[2].pValue);
	assert_int_equal(got[2].ulValueLen, 0);
}

static void query_rooms_become_buffers(void **state)
{
	struct fixture *f = *state;
	CK_BYTE buffer[100];
	CK_ATTRIBUTE list[] = { { CKA_ID, buffer, sizeof(buffer) }, { CKA_LABEL, NULL, 77 },
		{ CKA_VALUE, buffer, 0 } };
	Call call = { .attributes = { list, 3 }, .query = true };

	assert_true(call_travels(f, &call));

	CK_ATTRIBUTE *got = f->call.attributes.list;

	assert_non_null(got[0].pValue);
	assert_int_equal(got[0].ulValueLen, sizeof(buffer));
	memset(got[0].pValue, 1, sizeof(buffer));
	assert_null(got[1].pValue);
	assert_non_null(got[2].pValue);
	assert_int_equal(got[2].ulValueLen, 0);
}

static void nested_template_travels(void **state)
{
	struct fixture *f = *state;
	CK_ATTRIBUTE inner[] = { { CKA_LABEL, (void *)(uintptr_t) "abc", 3 }, { CKA_ID, NULL, 0 } };
	CK_ATTRIBUTE list[] = { { CKA_WRAP_TEMPLATE, inner, sizeof(inner) },
		{ CKA_UNWRAP_TEMPLATE, inner, 0 } };
	Call call = { .attributes = { list, 2 } };

	assert_true(call_travels(f, &call));

	const CK_ATTRIBUTE *got = f->call.attributes.list[0].pValue;

	assert_int_equal(f->call.attributes.list[0].ulValueLen, sizeof(inner));
	assert_memory_equal(got[0].pValue, "abc", 3);
	assert_null(got[1].pValue);
	assert_non_null(f->call.attributes.list[1].pValue);
	assert_int_equal(f->call.attributes.list[1].ulValueLen, 0);
}

static void nested_query_gets_buffers(void **state)
{
	struct fixture *f = *state;
	CK_BYTE buffer[8];
	CK_ATTRIBUTE inner[] = { { CKA_LABEL, buffer, sizeof(buffer) }, { CKA_ID, NULL, 0 } };
	CK_ATTRIBUTE list[] = { { CKA_WRAP_TEMPLATE, inner, sizeof(inner) },
		{ CKA_UNWRAP_TEMPLATE, NULL, 0 } };
	Call call = { .attributes = { list, 2 }, .query = true };

	assert_true(call_travels(f, &call));

	const CK_ATTRIBUTE *got = f->call.attributes.list[0].pValue;

	assert_int_equal(got[0].ulValueLen, sizeof(buffer));
	memset(got[0].pValue, 1, sizeof(buffer));
	assert_null(got[1].pValue);
	assert_null(f->call.attributes.list[1].pValue);
}

static void allowed_mechanisms_are_plain_bytes(void **state)
{
	struct fixture *f = *state;
	CK_MECHANISM_TYPE types[] = { CKM_ECDSA, CKM_RSA_PKCS, CKM_SHA_1 };
	CK_ATTRIBUTE list[] = { { CKA_ALLOWED_MECHANISMS, types, sizeof(types) } };
	Call call = { .attributes = { list, 1 } };

	assert_true(call_travels(f, &call));

	assert_int_equal(f->call.attributes.list[0].ulValueLen, sizeof(types));
	assert_memory_equal(f->call.attributes.list[0].pValue, types, sizeof(types));
}

static void reply_keeps_lengths_that_have_no_value(void **state)
{
	struct fixture *f = *state;
	CK_ATTRIBUTE inner[] = { { CKA_LABEL, (void *)(uintptr_t) "abc", 3 } };
	CK_ATTRIBUTE list[] = { { CKA_ID, NULL, 20 },
		{ CKA_LABEL, inner, CK_UNAVAILABLE_INFORMATION },
		{ CKA_VALUE, (void *)(uintptr_t) "", 0 },
		{ CKA_WRAP_TEMPLATE, inner, sizeof(inner) } };
	Reply reply = { .rv = CKR_ATTRIBUTE_SENSITIVE, .attributes = { list, 4 } };

	assert_true(reply_travels(f, &reply));

	const CK_ATTRIBUTE *got = f->reply.attributes.list;

	assert_int_equal(got[0].ulValueLen, 20);
	assert_null(got[0].pValue);
	assert_true(got[1].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	assert_null(got[1].pValue);
	assert_non_null(got[2].pValue);
	assert_memory_equal(((CK_ATTRIBUTE *)got[3].pValue)->pValue, "abc", 3);
}

static void too_many_attributes_are_refused(void **state)
{
	struct fixture *f = *state;
	static CK_ATTRIBUTE list[WIRE_ATTRIBUTES_MAX + 1];
	Call call = { .attributes = { list, WIRE_ATTRIBUTES_MAX } };

	assert_true(call_travels(f, &call));
	assert_int_equal(f->call.attributes.count, WIRE_ATTRIBUTES_MAX);
	call.attributes.count++;

	assert_false(wire_encode_call(&f->frame, &call));
}

/* Nests one attribute in another so often. */
static CK_ATTRIBUTE *nest(CK_ATTRIBUTE *chain, size_t depth)
{
	chain[0] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t) "x", 1 };
	for (size_t i = 1; i < depth; i++)
		chain[i] = (CK_ATTRIBUTE){ CKA_WRAP_TEMPLATE, &chain[i - 1], sizeof(chain[0]) };
	return &chain[depth - 1];
}

static void too_deep_templates_are_refused(void **state)
{
	struct fixture *f = *state;
	CK_ATTRIBUTE chain[8];
	Call call = { .attributes = { nest(chain, WIRE_DEPTH_MAX), 1 } };

	assert_true(call_travels(f, &call));
	call.attributes.list = nest(chain, WIRE_DEPTH_MAX + 1);

	assert_false(wire_encode_call(&f->frame, &call));
}

static void too_deep_payload_is_refused(void **state)
{
	struct fixture *f = *state;
	/* attributes { nested { nested { nested { nested {} } } } }: five levels, each a length
	 * shorter. */
	static const uint8_t deep[] = { 0x42, 8, 0x22, 6, 0x22, 4, 0x22, 2, 0x22, 0 };

	assert_false(wire_decode_call(bytes_of(deep, sizeof(deep)), &f->arena, &f->call));
}

static void scalar_in_the_place_of_bytes_is_refused(void **state)
{
	struct fixture *f = *state;
	static const uint8_t scalar[] = { 0x50, 0x05 }; /* field 10 as a varint */

	assert_false(wire_decode_call(bytes_of(scalar, sizeof(scalar)), &f->arena, &f->call));
}

static void buffers_beyond_the_arena_are_refused(void **state)
{
	struct fixture *f = *state;
	CK_BYTE byte;
	CK_ATTRIBUTE list[] = { { CKA_ID, &byte, (CK_ULONG)1 << 40 } };
	Call call = { .attributes = { list, 1 }, .query = true };

	assert_true(wire_encode_call(&f->frame, &call));

	assert_false(wire_decode_call(payload(f), &f->arena, &f->call));
}

static void values_in_a_query_and_rooms_in_a_template_are_refused(void **state)
{
	struct fixture *f = *state;
	/* attributes { type 3, value "x" } with query; attributes { type 3, room 5 } without. */
	static const uint8_t value[] = { 0x42, 5, 0x08, 3, 0x12, 1, 'x', 0x68, 1 };
	static const uint8_t room[] = { 0x42, 4, 0x08, 3, 0x18, 5 };

	assert_false(wire_decode_call(bytes_of(value, sizeof(value)), &f->arena, &f->call));
	assert_false(wire_decode_call(bytes_of(room, sizeof(room)), &f->arena, &f->call));
}

static void room_for_a_template_without_its_attributes_is_refused(void **state)
{
	struct fixture *f = *state;
	/* attributes { type CKA_WRAP_TEMPLATE, room 18 }, query. */
	static const uint8_t bare[] = { 0x42, 8, 0x08, 0x91, 0x84, 0x80, 0x80, 0x04, 0x18, 18, 0x68,
		1 };

	assert_false(wire_decode_call(bytes_of(bare, sizeof(bare)), &f->arena, &f->call));
}

static void cut_payload_is_refused(void **state)
{
	struct fixture *f = *state;
	Call call = { .function = Function_C_Sign, .data = bytes_of_text("message") };

	assert_true(wire_encode_call(&f->frame, &call));

	for (size_t len = f->frame.len - 1; len > 2; len--)
		assert_false(wire_decode_call(bytes_of(f->frame.data, len), &f->arena, &f->call));
}

static void frame_travels_over_a_socket(void **state)
{
	struct fixture *f = *state;
	struct frame got = { 0 };
	Call call = { .data = bytes_of_text("over the socket") };

	assert_true(wire_encode_call(&f->frame, &call));
	assert_int_equal(wire_send(f->ends[0], &f->frame, wire_now_ms() + 1000), WIRE_DONE);

	assert_int_equal(wire_receive(f->ends[1], &got, wire_now_ms() + 1000), WIRE_DONE);

	assert_true(bytes_equal(payload(f), bytes_of(got.data, got.len)));
	frame_free(&got);
}

static void frame_in_single_bytes_is_put_together(void **state)
{
	struct fixture *f = *state;
	struct frame got = { 0 };
	const uint8_t raw[] = { 3, 0, 0, 0, 'a', 'b', 'c' };
	pid_t child = fork();

	for (size_t i = 0; child == 0 && i < sizeof(raw); i++) {
		(void)!send(f->ends[0], raw + i, 1, 0);
		(void)!recv(f->ends[0], (uint8_t[1]){ 0 }, 1, MSG_DONTWAIT);
	}
	if (child == 0)
		_exit(0);

	assert_int_equal(wire_receive(f->ends[1], &got, wire_now_ms() + 5000), WIRE_DONE);

	assert_memory_equal(got.data, "abc", 3);
	frame_free(&got);
}

static void closed_socket_and_half_a_frame_differ(void **state)
{
	struct fixture *f = *state;
	struct frame got = { 0 };

	assert_int_equal(send(f->ends[0], "\x05\0\0\0ab", 6, 0), 6);
	assert_int_equal(shutdown(f->ends[0], SHUT_WR), 0);

	assert_int_equal(wire_receive(f->ends[1], &got, wire_now_ms() + 1000), WIRE_BROKEN);
	assert_int_equal(wire_receive(f->ends[1], &got, wire_now_ms() + 1000), WIRE_CLOSED);
	frame_free(&got);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	struct frame got = { 0 };

	assert_int_equal(wire_receive(f->ends[1], &got, wire_now_ms() + 20), WIRE_TIMEOUT);
	frame_free(&got);
}

static void unread_frames_end_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	size_t len = 8 * 1024 * 1024;
	uint8_t *data = calloc(1, len);
	Call call = { .data = bytes_of(data, len) };

	assert_non_null(data);
	assert_true(wire_encode_call(&f->frame, &call));

	assert_int_equal(wire_send(f->ends[0], &f->frame, wire_now_ms() + 20), WIRE_TIMEOUT);
	free(data);
}

static void huge_length_is_refused_before_anything_is_allocated(void **state)
{
	struct fixture *f = *state;
	struct frame got = { 0 };

	assert_int_equal(send(f->ends[0], "\xff\xff\xff\xff", 4, 0), 4);

	assert_int_equal(wire_receive(f->ends[1], &got, wire_now_ms() + 1000), WIRE_BROKEN);
	assert_true(got.capacity <= 4096);
	frame_free(&got);
}

static void message_above_the_limit_is_not_encoded(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = calloc(1, WIRE_FRAME_MAX);
	Call call = { .data = bytes_of(data, WIRE_FRAME_MAX) };

	assert_non_null(data);
	assert_false(wire_encode_call(&f->frame, &call));
	call.data.len -= 16;
	assert_true(wire_encode_call(&f->frame, &call));
	free(data);
}

static void wiped_frame_keeps_only_a_small_buffer(void **state)
{
	struct fixture *f = *state;
	Call small = { .data = bytes_of_text("secret") };

	assert_true(wire_encode_call(&f->frame, &small));
	uint8_t *data = f->frame.data;
	size_t len = f->frame.len;

	frame_wipe(&f->frame);

	assert_ptr_equal(f->frame.data, data);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_and_bytes_travel),
		TEST(absent_and_empty_bytes_differ),
		TEST(decoded_bytes_are_views_into_the_frame),
		TEST(template_values_arrive_aligned),
		TEST(query_rooms_become_buffers),
		TEST(nested_template_travels),
		TEST(nested_query_gets_buffers),
		TEST(allowed_mechanisms_are_plain_bytes),
		TEST(reply_keeps_lengths_that_have_no_value),
		TEST(too_many_attributes_are_refused),
		TEST(too_deep_templates_are_refused),
		TEST(too_deep_payload_is_refused),
		TEST(scalar_in_the_place_of_bytes_is_refused),
		TEST(buffers_beyond_the_arena_are_refused),
		TEST(values_in_a_query_and_rooms_in_a_template_are_refused),
		TEST(room_for_a_template_without_its_attributes_is_refused),
		TEST(cut_payload_is_refused),
		TEST(frame_travels_over_a_socket),
		TEST(frame_in_single_bytes_is_put_together),
		TEST(closed_socket_and_half_a_frame_differ),
		TEST(silence_ends_at_the_deadline),
		TEST(unread_frames_end_at_the_deadline),
		TEST(huge_length_is_refused_before_anything_is_allocated),
		TEST(message_above_the_limit_is_not_encoded),
		TEST(wiped_frame_keeps_only_a_small_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
