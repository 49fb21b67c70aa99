/* SPDX-License-Identifier: Apache-2.0 */
/* Key types by name, as rsa:4096 or EC:secp384r1, and the templates they mean. */
#include "cli_key.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include "cleanup.h"

#define PARAMS(text)                                                                               \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}

/* Curves as DER object identifiers (RFC 5480, RFC 8410); the first of a name is the one we ask for.
 */
static const struct cli_key_type key_types[] = {
	{ "rsa:2048", CKK_RSA, 2048, { NULL, 0 } },
	{ "rsa:3072", CKK_RSA, 3072, { NULL, 0 } },
	{ "rsa:4096", CKK_RSA, 4096, { NULL, 0 } },
	{ "EC:prime256v1", CKK_EC, 0, PARAMS("\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07") },
	{ "EC:secp384r1", CKK_EC, 0, PARAMS("\x06\x05\x2B\x81\x04\x00\x22") },
	{ "EC:secp521r1", CKK_EC, 0, PARAMS("\x06\x05\x2B\x81\x04\x00\x23") },
	{ "ed25519", CKK_EC_EDWARDS, 0, PARAMS("\x06\x03\x2B\x65\x70") },
	{ "ed25519", CKK_EC_EDWARDS, 0, PARAMS("\x06\x09\x2B\x06\x01\x04\x01\xDA\x47\x0F\x01") },
	{ "ed25519", CKK_EC_EDWARDS, 0,
		PARAMS("\x13\x0C"
		       "edwards25519") },
};

const struct cli_key_type *cli_key_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(key_types); i++)
		if (strcasecmp(key_types[i].name, name) == 0)
			return &key_types[i];
	return NULL;
}

const char *cli_key_type_names(void)
{
	return "rsa:2048, rsa:3072, rsa:4096, EC:prime256v1, EC:secp384r1, EC:secp521r1, ed25519";
}

void cli_key_put(
	struct cli_key_template *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	assert(template->count < ARRAY_LEN(template->list));
	template->list[template->count++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)value, len };
}

void cli_key_put_flag(struct cli_key_template *template, CK_ATTRIBUTE_TYPE type, bool value)
{
	static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

	cli_key_put(template, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

void cli_key_put_common(struct cli_key_template *template, CK_OBJECT_CLASS class, struct bytes id,
	const char *label)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_PRIVATE_KEY };
	bool private = class == CKO_PRIVATE_KEY;

	cli_key_put(template, CKA_CLASS, &classes[private], sizeof(classes[0]));
	cli_key_put_flag(template, CKA_TOKEN, true);
	cli_key_put_flag(template, CKA_PRIVATE, private);
	cli_key_put_flag(template, private ? CKA_SIGN : CKA_VERIFY, true);
	if (private) {
		cli_key_put_flag(template, CKA_SENSITIVE, true);
		cli_key_put_flag(template, CKA_EXTRACTABLE, false);
	}
	cli_key_put(template, CKA_ID, id.data, id.len);
	cli_key_put(template, CKA_LABEL, label, strlen(label));
}

static size_t modulus_bits(const uint8_t *modulus, size_t len)
{
	size_t bits = 0;

	while (len > 0 && *modulus == 0) {
		modulus++;
		len--;
	}
	for (uint8_t top = len > 0 ? *modulus : 0; top; top >>= 1)
		bits++;
	return len > 0 ? bits + (len - 1) * 8 : 0;
}

static void describe_curve(struct bytes params, char name[CLI_KEY_NAME_MAX])
{
	for (size_t i = 0; i < ARRAY_LEN(key_types); i++)
		if (params.len > 0 && bytes_equal(params, key_types[i].params))
			(void)snprintf(name, CLI_KEY_NAME_MAX, "%s", key_types[i].name);
}

void cli_key_describe(
	struct cli_session *session, CK_OBJECT_HANDLE key, char name[CLI_KEY_NAME_MAX])
{
	CK_ULONG type = cli_object_number(session, key, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	CLEANUP(free) uint8_t *value = NULL;
	size_t len;

	(void)snprintf(name, CLI_KEY_NAME_MAX, "unknown");
	if (type == CKK_RSA) {
		if (cli_object_read(session, key, CKA_MODULUS, &value, &len) == CKR_OK)
			(void)snprintf(name, CLI_KEY_NAME_MAX, "rsa:%zu", modulus_bits(value, len));
	} else if (type == CKK_EC || type == CKK_EC_EDWARDS) {
		(void)snprintf(name, CLI_KEY_NAME_MAX, "EC");
		if (cli_object_read(session, key, CKA_EC_PARAMS, &value, &len) == CKR_OK)
			describe_curve(bytes_of(value, len), name);
	} else if (type != CK_UNAVAILABLE_INFORMATION) {
		(void)snprintf(name, CLI_KEY_NAME_MAX, "type 0x%lx", (unsigned long)type);
	}
}
