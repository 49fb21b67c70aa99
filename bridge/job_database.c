/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's index.txt: which certificates are revoked, when and why. */
#include <openssl/bn.h>
#include <strings.h>

#include "cleanup.h"
#include "job_parts.h"

enum { FIELD_COUNT = 6, SERIAL_HEX_MAX = 128, ARGUMENT_MAX = 64, NO_REASON = -1 };

enum field { FIELD_TYPE, FIELD_EXPIRY, FIELD_REVOKED, FIELD_SERIAL, FIELD_FILE, FIELD_SUBJECT };

/* The argument that some reasons take, and the entry extension that holds it. */
enum argument { ARGUMENT_NONE, ARGUMENT_OID, ARGUMENT_TIME };

static const struct reason {
	const char *name;
	int code; /* RFC 5280, 5.3.1 */
	enum argument argument;
} reasons[] = {
	{ "unspecified", 0, ARGUMENT_NONE },
	{ "keyCompromise", 1, ARGUMENT_NONE },
	{ "CACompromise", 2, ARGUMENT_NONE },
	{ "affiliationChanged", 3, ARGUMENT_NONE },
	{ "superseded", 4, ARGUMENT_NONE },
	{ "cessationOfOperation", 5, ARGUMENT_NONE },
	{ "certificateHold", 6, ARGUMENT_NONE },
	{ "removeFromCRL", 8, ARGUMENT_NONE },
	{ "holdInstruction", 6, ARGUMENT_OID },
	{ "keyTime", 1, ARGUMENT_TIME },
	{ "CAkeyTime", 2, ARGUMENT_TIME },
};

static inline void cleanup_revoked(X509_REVOKED **revoked)
{
	X509_REVOKED_free(*revoked);
}

static inline void cleanup_time(ASN1_TIME **time)
{
	ASN1_TIME_free(*time);
}

static inline void cleanup_object(ASN1_OBJECT **object)
{
	ASN1_OBJECT_free(*object);
}

static inline void cleanup_enumerated(ASN1_ENUMERATED **number)
{
	ASN1_ENUMERATED_free(*number);
}

/* One line as it is being read. */
struct line {
	size_t number;
	struct bytes fields[FIELD_COUNT];
	struct job_cause *cause;
};

static CK_RV refuse(const struct line *line, const char *what)
{
	return job_cause_refuse(line->cause, "Invalid database: line %zu: %s", line->number, what);
}

/* Everything up to the separator; moves on behind it. */
static struct bytes take_until(struct bytes *text, char separator)
{
	const uint8_t *end = text->len ? memchr(text->data, separator, text->len) : NULL;
	struct bytes part = bytes_of(text->data, end ? (size_t)(end - text->data) : text->len);
	size_t used = end ? part.len + 1 : part.len;

	if (used > 0)
		*text = bytes_of(text->data + used, text->len - used);
	return part;
}

/* The subject is the last field and may hold anything. */
static bool line_split(struct line *line, struct bytes text)
{
	for (int i = FIELD_TYPE; i < FIELD_SUBJECT; i++) {
		if (text.len == 0 || !memchr(text.data, '\t', text.len))
			return false;
		line->fields[i] = take_until(&text, '\t');
	}
	line->fields[FIELD_SUBJECT] = text;
	return true;
}

static CK_RV read_serial(const struct line *line, ASN1_INTEGER **serial)
{
	struct bytes field = line->fields[FIELD_SERIAL];
	CLEANUP(bn) BIGNUM *number = NULL;
	char hex[SERIAL_HEX_MAX + 1] = { 0 };

	if (field.len == 0 || field.len % 2 != 0 || field.len > SERIAL_HEX_MAX)
		return refuse(line, "bad serial number length");
	memcpy(hex, field.data, field.len);
	if (strspn(hex, "0123456789abcdefABCDEF") != field.len)
		return refuse(line, "bad serial number characters");
	if (!BN_hex2bn(&number, hex))
		return job_cause_memory(line->cause);
	*serial = BN_to_ASN1_INTEGER(number, NULL);
	return *serial ? CKR_OK : job_cause_memory(line->cause);
}

static const struct reason *reason_find(struct bytes name)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (strlen(reasons[i].name) == name.len &&
			strncasecmp(reasons[i].name, (const char *)name.data, name.len) == 0)
			return &reasons[i];
	}
	return NULL;
}

static CK_RV add_hold(const struct line *line, X509_REVOKED *revoked, const char *text)
{
	CLEANUP(object) ASN1_OBJECT *instruction = OBJ_txt2obj(text, 0);

	if (!instruction)
		return refuse(line, "holdInstruction needs the name or number of an instruction");
	if (!X509_REVOKED_add1_ext_i2d(revoked, NID_hold_instruction_code, instruction, 0, 0))
		return job_cause_memory(line->cause);
	return CKR_OK;
}

static CK_RV add_invalidity(const struct line *line, X509_REVOKED *revoked, const char *text)
{
	CLEANUP(time) ASN1_GENERALIZEDTIME *time = ASN1_GENERALIZEDTIME_new();

	if (!time || !ASN1_GENERALIZEDTIME_set_string(time, text))
		return refuse(line, "keyTime and CAkeyTime need YYYYMMDDHHMMSSZ");
	if (!X509_REVOKED_add1_ext_i2d(revoked, NID_invalidity_date, time, 0, 0))
		return job_cause_memory(line->cause);
	return CKR_OK;
}

static CK_RV add_argument(const struct line *line, X509_REVOKED *revoked,
	const struct reason *reason, struct bytes argument)
{
	char text[ARGUMENT_MAX + 1] = { 0 };

	if (argument.len > ARGUMENT_MAX)
		return refuse(line, "the argument of the revocation reason is too long");
	if ((reason->argument == ARGUMENT_NONE) != (argument.len == 0))
		return refuse(line, argument.len ? "this revocation reason takes no argument"
						 : "this revocation reason needs an argument");
	if (argument.len == 0)
		return CKR_OK;
	memcpy(text, argument.data, argument.len);
	if (reason->argument == ARGUMENT_OID)
		return add_hold(line, revoked, text);
	return add_invalidity(line, revoked, text);
}

/* "reason" or "reason,argument". */
static CK_RV add_reason(const struct line *line, X509_REVOKED *revoked, struct bytes text)
{
	CLEANUP(enumerated) ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
	const struct reason *reason = reason_find(take_until(&text, ','));

	if (!reason)
		return refuse(line, "unknown revocation reason");
	if (!code || !ASN1_ENUMERATED_set(code, reason->code) ||
		!X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, code, 0, 0))
		return job_cause_memory(line->cause);
	return add_argument(line, revoked, reason, text);
}

static CK_RV set_date(const struct line *line, X509_REVOKED *revoked, struct bytes text)
{
	CLEANUP(time) ASN1_TIME *date = job_date_from_database(text);

	if (!date)
		return refuse(line, "invalid revocation date, needs YYMMDDHHMMSSZ");
	return X509_REVOKED_set_revocationDate(revoked, date) ? CKR_OK
							      : job_cause_memory(line->cause);
}

static CK_RV add_revoked(const struct line *line, ASN1_INTEGER *serial, X509_CRL *crl)
{
	CLEANUP(revoked) X509_REVOKED *revoked = X509_REVOKED_new();
	struct bytes field = line->fields[FIELD_REVOKED];
	bool has_reason = field.len > 0 && memchr(field.data, ',', field.len);

	if (!revoked || !X509_REVOKED_set_serialNumber(revoked, serial))
		return job_cause_memory(line->cause);
	TRY(set_date(line, revoked, take_until(&field, ',')));
	if (has_reason)
		TRY(add_reason(line, revoked, field));
	if (!X509_CRL_add0_revoked(crl, revoked))
		return job_cause_memory(line->cause);
	revoked = NULL;
	return CKR_OK;
}

/* The whole line is checked even where it adds nothing: a shifted field would mean a wrong CRL. */
static CK_RV add_line(struct line *line, struct bytes text, X509_CRL *crl)
{
	CLEANUP(asn1_integer) ASN1_INTEGER *serial = NULL;
	CLEANUP(time) ASN1_TIME *expiry = NULL;
	struct bytes type;

	if (!line_split(line, text))
		return refuse(line, "needs six fields separated by tabs");
	type = line->fields[FIELD_TYPE];
	if (type.len != 1 || !memchr("RVE", type.data[0], 3))
		return refuse(line, "begins with none of R, V and E");
	expiry = job_date_from_database(line->fields[FIELD_EXPIRY]);
	if (!expiry)
		return refuse(line, "invalid expiry date, needs YYMMDDHHMMSSZ");
	TRY(read_serial(line, &serial));
	if (type.data[0] == 'R')
		return add_revoked(line, serial, crl);
	if (line->fields[FIELD_REVOKED].len > 0)
		return refuse(line, "has a revocation date but is not revoked");
	return CKR_OK;
}

/* The list is sorted by serial. */
static CK_RV check_duplicates(X509_CRL *crl, struct job_cause *cause)
{
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(crl);

	for (int i = 1; i < sk_X509_REVOKED_num(list); i++) {
		const X509_REVOKED *previous = sk_X509_REVOKED_value(list, i - 1);
		const X509_REVOKED *current = sk_X509_REVOKED_value(list, i);

		if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(previous),
			    X509_REVOKED_get0_serialNumber(current)) == 0)
			return job_cause_refuse(
				cause, "Invalid database: a serial number is revoked twice");
	}
	return CKR_OK;
}

CK_RV job_database_revoke(struct bytes database, X509_CRL *crl, struct job_cause *cause)
{
	struct line line = { .cause = cause };

	while (database.len > 0) {
		struct bytes text = take_until(&database, '\n');

		line.number++;
		if (text.len > 0 && text.data[0] != '#')
			TRY(add_line(&line, text, crl));
	}
	if (!X509_CRL_sort(crl))
		return job_cause_memory(cause);
	return check_duplicates(crl, cause);
}
