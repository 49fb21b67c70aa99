/* SPDX-License-Identifier: Apache-2.0 */
/* What an object is recognised by: a hash of its class, id, type and public value. */
#include "identity.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "cleanup.h"

enum { VALUE_MAX = 8192, ID_MAX = 1024, TWINS_MAX = 4 };

#define HANDLE_BITS ((1UL << 62) - 1)

struct source {
	CK_FUNCTION_LIST *functions;
	CK_SESSION_HANDLE session;
	EVP_MD_CTX *hash;
};

/* The value of one attribute; absent bytes when there is none, it is hidden or it is too long. */
static struct bytes read_value(const struct source *source, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, uint8_t *room, size_t max)
{
	CK_ATTRIBUTE attribute = { type, room, max };
	CK_RV rv = source->functions->C_GetAttributeValue(source->session, object, &attribute, 1);

	if (rv != CKR_OK || attribute.ulValueLen > max)
		return bytes_of(NULL, 0);
	return bytes_of(room, attribute.ulValueLen);
}

static bool add(const struct source *source, CK_ATTRIBUTE_TYPE type, struct bytes value)
{
	uint64_t header[2] = { type, value.len };

	return EVP_DigestUpdate(source->hash, header, sizeof(header)) == 1 &&
	       (value.len == 0 || EVP_DigestUpdate(source->hash, value.data, value.len) == 1);
}

/* Adds an attribute; true when it has a value that is not empty. */
static bool add_attribute(
	const struct source *source, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	uint8_t room[VALUE_MAX];
	struct bytes value = read_value(source, object, type, room, sizeof(room));
	bool added = add(source, type, value) && value.len > 0;

	explicit_bzero(room, sizeof(room));
	return added;
}

/* The point inside the DER OCTET STRING of CKA_EC_POINT; some tokens give it bare. */
static struct bytes bare_point(struct bytes value)
{
	const unsigned char *at = value.data;
	long len = 0;
	int tag = 0, class = 0;

	if (value.len < 2 || value.data[0] != V_ASN1_OCTET_STRING)
		return value;
	int flags = ASN1_get_object(&at, &len, &tag, &class, (long)value.len);

	if ((flags & 0x80) || at + len != value.data + value.len)
		return value;
	return bytes_of(at, (size_t)len);
}

static size_t find_twins(const struct source *source, CK_OBJECT_CLASS class, struct bytes id,
	CK_OBJECT_HANDLE *found)
{
	uint8_t id_copy[ID_MAX];
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_ID, id_copy, id.len } };
	CK_ULONG count = 0;

	memcpy(id_copy, id.data, id.len);
	if (source->functions->C_FindObjectsInit(source->session, template, ARRAY_LEN(template)) !=
		CKR_OK)
		return 0;
	if (source->functions->C_FindObjects(source->session, found, TWINS_MAX, &count) != CKR_OK)
		count = 0;
	(void)source->functions->C_FindObjectsFinal(source->session);
	return count;
}

static struct bytes point_of_certificate(struct bytes der, uint8_t *room, size_t max)
{
	const unsigned char *at = der.data;
	CLEANUP(x509) X509 *cert = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
	const ASN1_BIT_STRING *point = cert ? X509_get0_pubkey_bitstr(cert) : NULL;

	if (!point || point->length <= 0 || (size_t)point->length > max)
		return bytes_of(NULL, 0);
	memcpy(room, point->data, (size_t)point->length);
	return bytes_of(room, (size_t)point->length);
}

static struct bytes point_of_twin(const struct source *source, CK_OBJECT_CLASS class,
	CK_OBJECT_HANDLE twin, uint8_t *room, size_t max)
{
	uint8_t value[VALUE_MAX];

	if (class == CKO_CERTIFICATE)
		return point_of_certificate(
			read_value(source, twin, CKA_VALUE, value, sizeof(value)), room, max);
	struct bytes point =
		bare_point(read_value(source, twin, CKA_EC_POINT, value, sizeof(value)));

	if (point.len > 0)
		memcpy(room, point.data, point.len);
	return bytes_of(point.len > 0 ? room : NULL, point.len);
}

/* The public value of an EC or Edwards key by its CKA_ID; twins that disagree are no proof of
 * anything. */
static bool add_point_of(const struct source *source, CK_OBJECT_CLASS class, struct bytes id)
{
	uint8_t first[VALUE_MAX], other[VALUE_MAX];
	CK_OBJECT_HANDLE twins[TWINS_MAX];
	size_t count = find_twins(source, class, id, twins);

	if (count == 0 || count == TWINS_MAX)
		return false;
	struct bytes point = point_of_twin(source, class, twins[0], first, sizeof(first));

	for (size_t i = 1; i < count; i++)
		if (!bytes_equal(
			    point, point_of_twin(source, class, twins[i], other, sizeof(other))))
			return false;
	return point.len > 0 && add(source, CKA_EC_POINT, point);
}

static bool add_private_value(const struct source *source, CK_OBJECT_HANDLE object)
{
	uint8_t id[ID_MAX];

	if (add_attribute(source, object, CKA_MODULUS))
		return true;
	struct bytes value = read_value(source, object, CKA_ID, id, sizeof(id));

	if (value.len == 0)
		return false;
	return add_point_of(source, CKO_PUBLIC_KEY, value) ||
	       add_point_of(source, CKO_CERTIFICATE, value);
}

static bool add_public_value(const struct source *source, CK_OBJECT_HANDLE object)
{
	return add_attribute(source, object, CKA_MODULUS) ||
	       add_attribute(source, object, CKA_EC_POINT) ||
	       add_attribute(source, object, CKA_VALUE);
}

/* A label may be changed at any time, so it counts only where there is no public value to go by. */
static bool add_proof(const struct source *source, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS class)
{
	bool durable = false;

	if (add_attribute(source, object, CKA_UNIQUE_ID))
		return true;
	(void)add_attribute(source, object, CKA_ID);
	if (class == CKO_PRIVATE_KEY)
		durable = add_private_value(source, object);
	else if (class == CKO_PUBLIC_KEY)
		durable = add_public_value(source, object);
	else if (class == CKO_CERTIFICATE)
		durable = add_attribute(source, object, CKA_VALUE);
	if (durable)
		return true;
	(void)add_attribute(source, object, CKA_LABEL);
	(void)add_attribute(source, object, CKA_CHECK_VALUE);
	if (class == CKO_DATA)
		(void)add_attribute(source, object, CKA_VALUE);
	return false;
}

static CK_KEY_TYPE read_key_type(const struct source *source, CK_OBJECT_HANDLE object)
{
	CK_KEY_TYPE type = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE attribute = { CKA_KEY_TYPE, &type, sizeof(type) };
	CK_RV rv = source->functions->C_GetAttributeValue(source->session, object, &attribute, 1);

	return rv == CKR_OK && attribute.ulValueLen == sizeof(type) ? type
								    : CK_UNAVAILABLE_INFORMATION;
}

static CK_RV read_basics(
	const struct source *source, CK_OBJECT_HANDLE object, struct identity *identity)
{
	CK_BBOOL private = CK_TRUE, on_token = CK_FALSE;
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE basics[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_PRIVATE, &private, sizeof(private) },
		{ CKA_TOKEN, &on_token, sizeof(on_token) } };
	CK_RV rv = source->functions->C_GetAttributeValue(
		source->session, object, basics, ARRAY_LEN(basics));

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID && basics[0].ulValueLen == sizeof(class))
		rv = CKR_OK; /* mechanism and profile objects have fewer attributes */
	if (rv != CKR_OK)
		return rv;
	*identity = (struct identity){
		.class = class, .private = private != CK_FALSE, .on_token = on_token != CK_FALSE
	};
	return CKR_OK;
}

CK_RV identity_read(CK_FUNCTION_LIST *functions, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	struct identity *identity)
{
	CLEANUP(md_ctx) EVP_MD_CTX *hash = EVP_MD_CTX_new();
	const struct source source = { functions, session, hash };
	struct identity found;

	TRY(read_basics(&source, object, &found));
	if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		return CKR_HOST_MEMORY;
	if (!add(&source, CKA_CLASS, bytes_of(&found.class, sizeof(found.class))))
		return CKR_FUNCTION_FAILED;
	found.key_type = read_key_type(&source, object);
	(void)add(&source, CKA_KEY_TYPE,
		bytes_of(&found.key_type,
			found.key_type == CK_UNAVAILABLE_INFORMATION ? 0 : sizeof(found.key_type)));
	found.durable = found.on_token && add_proof(&source, object, found.class);
	if (EVP_DigestFinal_ex(hash, found.hash, NULL) != 1)
		return CKR_FUNCTION_FAILED;
	*identity = found;
	return CKR_OK;
}

static CK_OBJECT_HANDLE handle_of(uint64_t number)
{
	number &= HANDLE_BITS;
	return number == 0 ? 1 : number;
}

CK_RV identity_handle(const uint8_t key[LINK_KEY_LEN], const char *serial, struct bytes identity,
	CK_OBJECT_HANDLE *handle)
{
	uint8_t input[LINK_SERIAL_LEN + 1 + IDENTITY_LEN] = { 0 };
	unsigned int size = sizeof(uint64_t);
	uint64_t number = 0;
	size_t len = 0;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end() };

	if (identity.len > IDENTITY_LEN)
		return CKR_ARGUMENTS_BAD;
	(void)strncpy((char *)input, serial, LINK_SERIAL_LEN);
	memcpy(input + LINK_SERIAL_LEN + 1, identity.data, identity.len);
	if (!EVP_Q_mac(NULL, "SIPHASH", NULL, NULL, params, key, LINK_KEY_LEN, input, sizeof(input),
		    (unsigned char *)&number, sizeof(number), &len) ||
		len != sizeof(number))
		return CKR_FUNCTION_FAILED;
	*handle = handle_of(number);
	return CKR_OK;
}

CK_RV identity_random_handle(CK_OBJECT_HANDLE *handle)
{
	uint64_t number = 0;

	if (RAND_bytes((unsigned char *)&number, sizeof(number)) != 1)
		return CKR_FUNCTION_FAILED;
	*handle = handle_of(number);
	return CKR_OK;
}
