/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and replies as nanopb messages: our byte views and attribute lists in, bounded and checked
 * out. */
#include "wire.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdlib.h>

/* The state of our own input stream: what the field callbacks need beyond the bytes themselves. */
struct reader {
	const uint8_t *position;
	struct arena *arena;
	unsigned int depth;
};

/* Stands for "the caller offers room" until the whole call is known; never dereferenced. */
static uint8_t room_offered;

bool wire_nests(CK_ATTRIBUTE_TYPE type)
{
	static const CK_ATTRIBUTE_TYPE types[] = {
		CKA_WRAP_TEMPLATE,
		CKA_UNWRAP_TEMPLATE,
		CKA_DERIVE_TEMPLATE,
		CKA_ENCAPSULATE_TEMPLATE,
		CKA_DECAPSULATE_TEMPLATE,
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

/* Encoding */

/* What nested attributes carry is decided by their parent: rooms when it offers one, else values.
 */
enum carried { CARRIED_VALUES, CARRIED_ROOMS, CARRIED_RESULTS };

static bool list_is_encodable(const struct attributes *attributes, enum carried carried, int depth)
{
	if (attributes->count == 0)
		return true;
	if (depth > WIRE_DEPTH_MAX || attributes->count > WIRE_ATTRIBUTES_MAX || !attributes->list)
		return false;
	for (CK_ULONG i = 0; i < attributes->count; i++) {
		const CK_ATTRIBUTE *attribute = &attributes->list[i];
		bool unavailable = attribute->ulValueLen == CK_UNAVAILABLE_INFORMATION;

		if (!attribute->pValue) {
			if (carried == CARRIED_VALUES && attribute->ulValueLen != 0)
				return false;
			continue;
		}
		if (unavailable && carried == CARRIED_VALUES)
			return false;
		if (unavailable || !wire_nests(attribute->type))
			continue;
		struct attributes nested = { attribute->pValue,
			attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };

		if (attribute->ulValueLen % sizeof(CK_ATTRIBUTE) != 0 ||
			!list_is_encodable(&nested, carried, depth + 1))
			return false;
	}
	return true;
}

static Attribute attribute_to_message(const CK_ATTRIBUTE *attribute, enum carried carried)
{
	Attribute message = { .type = attribute->type };
	bool nests = attribute->pValue && wire_nests(attribute->type) &&
		     attribute->ulValueLen != CK_UNAVAILABLE_INFORMATION;
	bool unavailable = attribute->ulValueLen == CK_UNAVAILABLE_INFORMATION;

	if (nests)
		message.nested = (struct attributes){ attribute->pValue,
			attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };
	if (carried == CARRIED_ROOMS || !attribute->pValue || unavailable) {
		message.has_room = carried == CARRIED_ROOMS ? attribute->pValue != NULL
							    : attribute->ulValueLen != 0;
		message.room = attribute->ulValueLen;
	} else if (nests) {
		message.value = bytes_of("", 0);
	} else {
		message.value = bytes_of(attribute->pValue, attribute->ulValueLen);
	}
	return message;
}

static bool encode_bytes(pb_ostream_t *stream, const pb_field_t *field)
{
	const struct bytes *bytes = field->pData;

	return !bytes->data || (pb_encode_tag_for_field(stream, field) &&
				       pb_encode_string(stream, bytes->data, bytes->len));
}

static bool encode_list(pb_ostream_t *stream, const pb_field_t *field, enum carried carried)
{
	const struct attributes *attributes = field->pData;

	for (CK_ULONG i = 0; i < attributes->count; i++) {
		Attribute message = attribute_to_message(&attributes->list[i], carried);

		if (!pb_encode_tag_for_field(stream, field) ||
			!pb_encode_submessage(stream, &Attribute_msg, &message))
			return false;
	}
	return true;
}

static enum carried field_carries(const pb_field_t *field)
{
	if (field->descriptor == &Reply_msg)
		return CARRIED_RESULTS;
	if (field->descriptor == &Call_msg)
		return ((const Call *)field->message)->query ? CARRIED_ROOMS : CARRIED_VALUES;
	return ((const Attribute *)field->message)->has_room ? CARRIED_ROOMS : CARRIED_RESULTS;
}

static bool frame_reserve(struct frame *frame, size_t len)
{
	enum { FRAME_SMALL = 4096 };

	return len <= WIRE_FRAME_MAX && frame_grow(frame, len < FRAME_SMALL ? FRAME_SMALL : len);
}

static bool encode_message(struct frame *frame, const pb_msgdesc_t *type, const void *message)
{
	size_t len = 0;

	/* Sizing costs a pass of its own, so the buffer at hand is tried first. */
	frame->len = 0;
	if (!frame_reserve(frame, 1))
		return false;
	pb_ostream_t stream = pb_ostream_from_buffer(frame->data, frame->capacity);

	if (!pb_encode(&stream, type, message)) {
		frame->len = stream.bytes_written; /* to be wiped with the buffer */
		if (!pb_get_encoded_size(&len, type, message) || !frame_reserve(frame, len))
			return false;
		stream = pb_ostream_from_buffer(frame->data, frame->capacity);
		if (!pb_encode(&stream, type, message))
			return false;
	}
	frame->len = stream.bytes_written;
	return frame->len <= WIRE_FRAME_MAX;
}

bool wire_encode_call(struct frame *frame, const Call *call)
{
	enum carried carried = call->query ? CARRIED_ROOMS : CARRIED_VALUES;

	return list_is_encodable(&call->attributes, carried, 1) &&
	       list_is_encodable(&call->attributes2, carried, 1) &&
	       encode_message(frame, &Call_msg, call);
}

bool wire_encode_reply(struct frame *frame, const Reply *reply)
{
	return list_is_encodable(&reply->attributes, CARRIED_RESULTS, 1) &&
	       encode_message(frame, &Reply_msg, reply);
}

/* Decoding */

static bool read_view(pb_istream_t *stream, pb_byte_t *buffer, size_t count)
{
	struct reader *reader = stream->state;

	memcpy(buffer, reader->position, count);
	reader->position += count;
	return true;
}

/*
 * nanopb hands a scalar that stands where bytes belong through a temporary stream of its own; only
 * ours has a reader behind it.
 */
static struct reader *stream_reader(const pb_istream_t *stream)
{
	return stream->callback == read_view ? stream->state : NULL;
}

static bool decode_bytes(pb_istream_t *stream, struct bytes *bytes)
{
	struct reader *reader = stream_reader(stream);

	if (!reader)
		return false;
	*bytes = bytes_of(reader->position, stream->bytes_left);
	reader->position += stream->bytes_left;
	stream->bytes_left = 0;
	return true;
}

static bool attribute_from_message(
	const Attribute *message, struct arena *arena, CK_ATTRIBUTE *attribute)
{
	bool nests = wire_nests(message->type);

	if ((message->value.data && message->has_room) || (!nests && message->nested.count > 0))
		return false;
	*attribute = (CK_ATTRIBUTE){ .type = message->type };
	if (nests && (message->nested.count > 0 || message->value.data)) {
		attribute->ulValueLen = message->nested.count * sizeof(CK_ATTRIBUTE);
		attribute->pValue = message->nested.count > 0 ? (void *)message->nested.list
							      : arena_take(arena, 0);
		return attribute->pValue && message->value.len == 0 &&
		       (message->has_room ? message->room == attribute->ulValueLen
					  : message->value.data != NULL);
	}
	if (message->has_room) {
		attribute->pValue = &room_offered;
		attribute->ulValueLen = (CK_ULONG)message->room;
	} else if (message->value.data) {
		attribute->pValue = arena_copy(arena, message->value.data, message->value.len);
		attribute->ulValueLen = message->value.len;
		return attribute->pValue != NULL;
	}
	return true;
}

static bool list_grow(struct attributes *attributes, struct arena *arena)
{
	enum { LIST_FIRST = 4 };
	CK_ULONG count = attributes->count;

	/* Lists double, so a full one has a power of two. */
	if (count != 0 && (count < LIST_FIRST || (count & (count - 1)) != 0))
		return true;
	CK_ATTRIBUTE *list =
		arena_take(arena, sizeof(*list) * (count == 0 ? LIST_FIRST : count * 2));

	if (!list)
		return false;
	if (count > 0)
		memcpy(list, attributes->list, sizeof(*list) * count);
	attributes->list = list;
	return true;
}

static bool decode_element(pb_istream_t *stream, struct attributes *attributes)
{
	struct reader *reader = stream_reader(stream);
	Attribute message = { 0 };

	if (!reader || reader->depth >= WIRE_DEPTH_MAX ||
		attributes->count >= WIRE_ATTRIBUTES_MAX || !list_grow(attributes, reader->arena))
		return false;
	reader->depth++;
	bool decoded = pb_decode_ex(stream, &Attribute_msg, &message, PB_DECODE_NOINIT);

	reader->depth--;
	if (!decoded || !attribute_from_message(
				&message, reader->arena, &attributes->list[attributes->count]))
		return false;
	attributes->count++;
	return true;
}

bool wire_attribute_field(pb_istream_t *istream, pb_ostream_t *ostream, const pb_field_t *field)
{
	if (field->tag == Attribute_nested_tag)
		return istream ? decode_element(istream, field->pData)
			       : encode_list(ostream, field, field_carries(field));
	return istream ? decode_bytes(istream, field->pData) : encode_bytes(ostream, field);
}

bool wire_message_field(pb_istream_t *istream, pb_ostream_t *ostream, const pb_field_t *field)
{
	if (PB_LTYPE_IS_SUBMSG(field->type))
		return istream ? decode_element(istream, field->pData)
			       : encode_list(ostream, field, field_carries(field));
	return istream ? decode_bytes(istream, field->pData) : encode_bytes(ostream, field);
}

static bool decode_message(
	struct bytes payload, struct arena *arena, const pb_msgdesc_t *type, void *message)
{
	struct reader reader = { payload.data ? payload.data : &room_offered, arena, 0 };
	pb_istream_t stream = { read_view, &reader, payload.len, NULL };

	return payload.len <= WIRE_FRAME_MAX &&
	       pb_decode_ex(&stream, type, message, PB_DECODE_NOINIT);
}

/* A query only offers rooms, and gets buffers; a template only gives values. */
static bool finish_call_list(const struct attributes *attributes, bool query, struct arena *arena)
{
	for (CK_ULONG i = 0; i < attributes->count; i++) {
		CK_ATTRIBUTE *attribute = &attributes->list[i];
		bool offers = attribute->pValue == &room_offered;

		if (attribute->pValue && !offers && wire_nests(attribute->type)) {
			struct attributes nested = { attribute->pValue,
				attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };

			if (!finish_call_list(&nested, query, arena))
				return false;
			continue;
		}
		if (attribute->pValue && offers != query)
			return false;
		/* Room for a template is made of its attributes, never of bare bytes. */
		if (offers && wire_nests(attribute->type) && attribute->ulValueLen != 0)
			return false;
		if (offers) {
			attribute->pValue = arena_take(arena, attribute->ulValueLen);
			if (!attribute->pValue)
				return false;
		}
	}
	return true;
}

/* An empty template is no missing one: libraries refuse NULL whatever the count. */
static void give_list(struct attributes *attributes)
{
	static CK_ATTRIBUTE none[1];

	if (!attributes->list)
		attributes->list = none;
}

bool wire_decode_call(struct bytes payload, struct arena *arena, Call *call)
{
	*call = (Call){ 0 };
	if (!decode_message(payload, arena, &Call_msg, call))
		return false;
	give_list(&call->attributes);
	give_list(&call->attributes2);
	return finish_call_list(&call->attributes, call->query, arena) &&
	       finish_call_list(&call->attributes2, call->query, arena);
}

static void finish_reply_list(const struct attributes *attributes)
{
	for (CK_ULONG i = 0; i < attributes->count; i++) {
		CK_ATTRIBUTE *attribute = &attributes->list[i];

		if (attribute->pValue == &room_offered) {
			attribute->pValue = NULL;
		} else if (attribute->pValue && wire_nests(attribute->type)) {
			struct attributes nested = { attribute->pValue,
				attribute->ulValueLen / sizeof(CK_ATTRIBUTE) };

			finish_reply_list(&nested);
		}
	}
}

bool wire_decode_reply(struct bytes payload, struct arena *arena, Reply *reply)
{
	*reply = (Reply){ 0 };
	if (!decode_message(payload, arena, &Reply_msg, reply))
		return false;
	finish_reply_list(&reply->attributes);
	return true;
}
