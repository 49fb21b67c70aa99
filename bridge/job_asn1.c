/* SPDX-License-Identifier: Apache-2.0 */
/* Object identifiers and scalar ASN.1 values written as text. */
#include <openssl/asn1t.h>
#include <strings.h>

#include "cleanup.h"
#include "job_parts.h"

enum { SCALAR_VALUE_MAX = 4096, TYPE_NAME_MAX = 32 };

/* How OpenSSL reads the value of a type. */
enum kind { KIND_EMPTY, KIND_VALUE, KIND_STRING, KIND_BYTES };

struct type {
	const char *name;
	enum kind kind;
};

static const struct type types[] = {
	{ "BOOLEAN", KIND_VALUE },
	{ "BOOL", KIND_VALUE },
	{ "NULL", KIND_EMPTY },
	{ "INTEGER", KIND_VALUE },
	{ "INT", KIND_VALUE },
	{ "ENUMERATED", KIND_VALUE },
	{ "ENUM", KIND_VALUE },
	{ "OBJECT", KIND_VALUE },
	{ "OID", KIND_VALUE },
	{ "UTCTIME", KIND_VALUE },
	{ "UTC", KIND_VALUE },
	{ "GENERALIZEDTIME", KIND_VALUE },
	{ "GENTIME", KIND_VALUE },
	{ "OCTETSTRING", KIND_BYTES },
	{ "OCT", KIND_BYTES },
	{ "BITSTRING", KIND_BYTES },
	{ "BITSTR", KIND_BYTES },
	{ "UNIVERSALSTRING", KIND_STRING },
	{ "UNIV", KIND_STRING },
	{ "IA5STRING", KIND_STRING },
	{ "IA5", KIND_STRING },
	{ "UTF8String", KIND_STRING },
	{ "UTF8", KIND_STRING },
	{ "BMPSTRING", KIND_STRING },
	{ "BMP", KIND_STRING },
	{ "VISIBLESTRING", KIND_STRING },
	{ "VISIBLE", KIND_STRING },
	{ "PRINTABLESTRING", KIND_STRING },
	{ "PRINTABLE", KIND_STRING },
	{ "TELETEXSTRING", KIND_STRING },
	{ "T61STRING", KIND_STRING },
	{ "T61", KIND_STRING },
	{ "NUMERICSTRING", KIND_STRING },
	{ "NUMERIC", KIND_STRING },
};

/* JSON text is UTF-8 whatever the request says about strings; only octets can also be hex. */
static const struct {
	const char *prefix;
	bool of_bytes;
	bool of_strings;
} formats[] = {
	{ "FORMAT:HEX,", true, false },
	{ "FORMAT:ASCII,", true, true },
	{ "FORMAT:UTF8,", false, true },
};

ASN1_OBJECT *job_asn1_oid(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > JOB_OID_MAX || strspn(text, "0123456789.") != len)
		return NULL;
	/* OpenSSL overlooks an empty arc. */
	if (strstr(text, "..") || text[len - 1] == '.')
		return NULL;
	return OBJ_txt2obj(text, 1);
}

static const struct type *type_find(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strlen(types[i].name) == len && strncasecmp(types[i].name, text, len) == 0)
			return &types[i];
	}
	return NULL;
}

static bool format_fits(const char *format, enum kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (format == formats[i].prefix)
			return kind == KIND_BYTES ? formats[i].of_bytes
						  : kind == KIND_STRING && formats[i].of_strings;
	}
	return true;
}

/* Moves on behind a FORMAT modifier, the only one that makes no structure. */
static const char *format_take(const char **text)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		size_t len = strlen(formats[i].prefix);

		if (strncmp(*text, formats[i].prefix, len) == 0) {
			*text += len;
			return formats[i].prefix;
		}
	}
	return "";
}

static CK_RV generate(const struct type *type, const char *format, const char *value,
	const char *what, struct job_cause *cause, ASN1_TYPE **out)
{
	CLEANUP(free) char *spec = NULL;
	bool empty = type->kind == KIND_EMPTY;

	if (type->kind == KIND_STRING)
		format = "FORMAT:UTF8,";
	if (asprintf(&spec, "%s%s%s%s", format, type->name, empty ? "" : ":", value) < 0) {
		spec = NULL;
		return job_cause_memory(cause);
	}
	/* No configuration is given, so nothing can be looked up. */
	*out = ASN1_generate_v3(spec, NULL);
	if (*out)
		return CKR_OK;
	return job_cause_refuse(cause, "Invalid %s: the value is no %s", what, type->name);
}

/* How much of a type's name a cause shows, cut between characters. */
static int shown_len(const char *name, size_t len)
{
	if (len > TYPE_NAME_MAX) {
		len = TYPE_NAME_MAX;
		while (len > 0 && ((uint8_t)name[len] & 0xC0) == 0x80)
			len--;
	}
	return (int)len;
}

CK_RV job_asn1_scalar(
	const char *text, const char *what, struct job_cause *cause, ASN1_TYPE **value)
{
	const char *format = format_take(&text);
	size_t name_len = strcspn(text, ":,");
	const struct type *type = type_find(text, name_len);
	const char *behind = text + name_len;
	int shown = shown_len(text, name_len);

	if (!type)
		return job_cause_refuse(cause,
			"Invalid %s: ASN.1 type %.*s is not allowed, scalar types only", what,
			shown, text);
	if (!format_fits(format, type->kind))
		return job_cause_refuse(
			cause, "Invalid %s: %s does not take this FORMAT", what, type->name);
	if ((type->kind == KIND_EMPTY) != (*behind == '\0') || *behind == ',')
		return job_cause_refuse(cause, "Invalid %s: %s %s", what, type->name,
			type->kind == KIND_EMPTY ? "takes no value" : "needs :value");
	if (*behind == ':')
		behind++;
	if (type->kind == KIND_VALUE && strlen(behind) > SCALAR_VALUE_MAX)
		return job_cause_refuse(cause, "Invalid %s: the value is too long", what);
	return generate(type, format, behind, what, cause, value);
}
