/* SPDX-License-Identifier: Apache-2.0 */
/* One object of the store: its attributes, their rules and their file format. */
#include "store_object.h"

#include <iothsm/iothsm.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "key.h"

/*
 * A file is this header, per attribute its type and length as uint64_t and its value, and the
 * SHA-256 of all that. Numbers and CK_ULONG values are in the byte order of the machine: the store
 * does not travel.
 */
static const char file_magic[8] = "IOTHSMo";

enum { FILE_VERSION = 1, FILE_DIGEST_BYTES = 32 };

struct file_header {
	char magic[8];
	uint64_t version;
	uint64_t id;
	uint64_t count;
};

static const CK_ATTRIBUTE *find_const(const struct store_object *object, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < object->count; i++) {
		if (object->list[i].type == type)
			return &object->list[i];
	}
	return NULL;
}

static CK_RV add(struct store_object *object, CK_ATTRIBUTE_TYPE type, struct bytes value)
{
	if (object->count >= STORE_ATTRIBUTES_MAX)
		return CKR_IOTHSM_STORE_FULL;
	if (find_const(object, type))
		return CKR_TEMPLATE_INCONSISTENT;
	uint8_t *copy = malloc(value.len > 0 ? value.len : 1);

	if (!copy)
		return CKR_HOST_MEMORY;
	if (value.len > 0)
		memcpy(copy, value.data, value.len);
	object->list[object->count++] = (CK_ATTRIBUTE){ type, copy, value.len };
	return CKR_OK;
}

void store_object_free(struct store_object *object)
{
	for (CK_ULONG i = 0; object && i < object->count; i++)
		free(object->list[i].pValue);
	free(object);
}

/* An array attribute holds pointers, which a file cannot. */
static bool attribute_is_plain(const CK_ATTRIBUTE *attribute)
{
	return !(attribute->type & CKF_ARRAY_ATTRIBUTE) &&
	       attribute->ulValueLen != CK_UNAVAILABLE_INFORMATION &&
	       (attribute->pValue || attribute->ulValueLen == 0);
}

static CK_RV add_all(struct store_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	size_t left = STORE_OBJECT_MAX;

	for (CK_ULONG i = 0; i < count; i++) {
		const CK_ATTRIBUTE *attribute = &attributes[i];

		if (!attribute_is_plain(attribute))
			return CKR_TEMPLATE_INCONSISTENT;
		if (attribute->ulValueLen > left)
			return CKR_IOTHSM_STORE_FULL;
		left -= attribute->ulValueLen;
		TRY(add(object, attribute->type,
			bytes_of(attribute->pValue, attribute->ulValueLen)));
	}
	return CKR_OK;
}

static CK_RV add_defaults(struct store_object *object)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		CK_BBOOL value;
	} defaults[] = {
		{ CKA_TOKEN, CK_TRUE },
		{ CKA_PRIVATE, CK_FALSE },
		{ CKA_MODIFIABLE, CK_FALSE },
		{ CKA_DESTROYABLE, CK_TRUE },
	};

	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		if (!find_const(object, defaults[i].type))
			TRY(add(object, defaults[i].type,
				bytes_of(&defaults[i].value, sizeof(CK_BBOOL))));
	}
	return CKR_OK;
}

/* Keys never leave their token, so none is taken in. */
static bool class_is_storable(const struct store_object *object)
{
	const CK_ATTRIBUTE *attribute = find_const(object, CKA_CLASS);
	CK_OBJECT_CLASS class;

	if (!attribute || attribute->ulValueLen != sizeof(class))
		return false;
	memcpy(&class, attribute->pValue, sizeof(class));
	return class == CKO_DATA || class == CKO_CERTIFICATE;
}

CK_RV store_object_new(const CK_ATTRIBUTE *attributes, CK_ULONG count, struct store_object **object)
{
	struct store_object *made = calloc(1, sizeof(*made));

	if (!made)
		return CKR_HOST_MEMORY;
	CK_RV rv = add_all(made, attributes, count);

	if (rv == CKR_OK && !class_is_storable(made))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = add_defaults(made);
	if (rv == CKR_OK)
		*object = made;
	else
		store_object_free(made);
	return rv;
}

static bool append_digest(uint8_t *content, size_t len)
{
	size_t digest_len = 0;

	return EVP_Q_digest(key_library(), "SHA256", NULL, content, len, content + len,
		       &digest_len) == 1 &&
	       digest_len == FILE_DIGEST_BYTES;
}

CK_RV store_object_encode(const struct store_object *object, uint8_t **content, size_t *len)
{
	struct file_header header = {
		.version = FILE_VERSION, .id = object->id, .count = object->count
	};
	size_t total = sizeof(header);

	memcpy(header.magic, file_magic, sizeof(file_magic));
	for (CK_ULONG i = 0; i < object->count; i++)
		total += 2 * sizeof(uint64_t) + object->list[i].ulValueLen;
	uint8_t *made = malloc(total + FILE_DIGEST_BYTES);
	uint8_t *next = made;

	if (!made)
		return CKR_HOST_MEMORY;
	next = mempcpy(next, &header, sizeof(header));
	for (CK_ULONG i = 0; i < object->count; i++) {
		const CK_ATTRIBUTE *attribute = &object->list[i];
		uint64_t numbers[] = { attribute->type, attribute->ulValueLen };

		next = mempcpy(next, numbers, sizeof(numbers));
		next = mempcpy(next, attribute->pValue, attribute->ulValueLen);
	}
	if (!append_digest(made, total)) {
		free(made);
		return CKR_HOST_MEMORY;
	}
	*content = made;
	*len = total + FILE_DIGEST_BYTES;
	return CKR_OK;
}

static bool digest_is_right(struct bytes content)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t len = content.len - FILE_DIGEST_BYTES;

	return EVP_Q_digest(key_library(), "SHA256", NULL, content.data, len, digest, NULL) == 1 &&
	       memcmp(digest, content.data + len, FILE_DIGEST_BYTES) == 0;
}

static bool take(struct bytes *rest, void *out, size_t len)
{
	if (len > rest->len)
		return false;
	memcpy(out, rest->data, len);
	*rest = bytes_of(rest->data + len, rest->len - len);
	return true;
}

static bool decode_attribute(struct store_object *object, struct bytes *rest)
{
	uint64_t numbers[2];

	if (!take(rest, numbers, sizeof(numbers)) || numbers[1] > rest->len ||
		add(object, numbers[0], bytes_of(rest->data, numbers[1])) != CKR_OK)
		return false;
	*rest = bytes_of(rest->data + numbers[1], rest->len - numbers[1]);
	return true;
}

static bool decode(struct store_object *object, struct bytes rest, uint64_t id)
{
	struct file_header header;

	if (!take(&rest, &header, sizeof(header)) ||
		memcmp(header.magic, file_magic, sizeof(file_magic)) != 0 ||
		header.version != FILE_VERSION || header.id != id ||
		header.count > STORE_ATTRIBUTES_MAX)
		return false;
	object->id = id;
	for (uint64_t i = 0; i < header.count; i++) {
		if (!decode_attribute(object, &rest))
			return false;
	}
	return rest.len == 0 && class_is_storable(object);
}

struct store_object *store_object_decode(struct bytes content, uint64_t id)
{
	if (content.len < FILE_DIGEST_BYTES || !digest_is_right(content))
		return NULL;
	struct store_object *object = calloc(1, sizeof(*object));

	if (object && decode(object, bytes_of(content.data, content.len - FILE_DIGEST_BYTES), id))
		return object;
	store_object_free(object);
	return NULL;
}

bool store_object_matches(
	const struct store_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++) {
		const CK_ATTRIBUTE *own = find_const(object, attributes[i].type);

		if (!own || !bytes_equal(bytes_of(own->pValue, own->ulValueLen),
				    bytes_of(attributes[i].pValue, attributes[i].ulValueLen)))
			return false;
	}
	return true;
}

static CK_RV get_one(const struct store_object *object, CK_ATTRIBUTE *asked)
{
	const CK_ATTRIBUTE *own = find_const(object, asked->type);
	CK_ULONG room = asked->ulValueLen;

	asked->ulValueLen = CK_UNAVAILABLE_INFORMATION;
	if (!own)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (asked->pValue && room < own->ulValueLen)
		return CKR_BUFFER_TOO_SMALL;
	asked->ulValueLen = own->ulValueLen;
	if (asked->pValue && own->ulValueLen > 0)
		memcpy(asked->pValue, own->pValue, own->ulValueLen);
	return CKR_OK;
}

CK_RV store_object_get(const struct store_object *object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_RV rv = CKR_OK;

	/* Every attribute is answered, whatever became of those before it (PKCS#11 3.0, 5.7.5). */
	for (CK_ULONG i = 0; i < count; i++) {
		CK_RV one = get_one(object, &attributes[i]);

		if (rv == CKR_OK)
			rv = one;
	}
	return rv;
}
