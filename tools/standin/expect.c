/* SPDX-License-Identifier: Apache-2.0 */
/* What a csr job's options demand of the certificate: name, extensions, digest, validity. */
#include "expect.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "json.h"

enum { EXPECT_DAYS_DEFAULT = 365, EXPECT_DAY_SECONDS = 86400 };

/* --- subject --- */

static const int subject_order[] = { NID_countryName, NID_stateOrProvinceName, NID_localityName,
	NID_postalCode, NID_streetAddress, NID_organizationName, NID_organizationalUnitName,
	NID_commonName, NID_pkcs9_emailAddress, NID_jurisdictionCountryName,
	NID_jurisdictionStateOrProvinceName, NID_jurisdictionLocalityName, NID_businessCategory,
	NID_serialNumber, NID_domainComponent, NID_surname, NID_title, NID_givenName, NID_userId,
	NID_initials, NID_generationQualifier, NID_dnQualifier, NID_pseudonym };

static bool add_value(X509_NAME *name, int nid, const json_t *value)
{
	return json_is_string(value) && X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
						(const unsigned char *)json_string_value(value),
						(int)json_string_length(value), -1, 0) == 1;
}

static bool add_values(X509_NAME *name, int nid, const json_t *values)
{
	if (!values || !json_is_array(values))
		return !values || add_value(name, nid, values);
	for (size_t i = 0; i < json_array_size(values); i++) {
		if (!add_value(name, nid, json_array_get(values, i)))
			return false;
	}
	return true;
}

static X509_NAME *subject_of_options(const json_t *subject)
{
	CLEANUP(x509_name) X509_NAME *name = X509_NAME_new();

	for (size_t i = 0; name && i < ARRAY_LEN(subject_order); i++) {
		if (!add_values(name, subject_order[i],
			    json_object_get(subject, OBJ_nid2ln(subject_order[i]))) ||
			(subject_order[i] == NID_userId &&
				!add_values(name, NID_userId, json_object_get(subject, "UID"))))
			return NULL;
	}
	return steal(&name);
}

static X509_NAME *subject_of_csr(const X509_REQ *csr)
{
	const X509_NAME *from = X509_REQ_get_subject_name(csr);
	CLEANUP(x509_name) X509_NAME *name = X509_NAME_new();

	for (size_t i = 0; name && i < ARRAY_LEN(subject_order); i++) {
		for (int at = X509_NAME_get_index_by_NID(from, subject_order[i], -1); at >= 0;
			at = X509_NAME_get_index_by_NID(from, subject_order[i], at)) {
			if (X509_NAME_add_entry(name, X509_NAME_get_entry(from, at), -1, 0) != 1)
				return NULL;
		}
	}
	return steal(&name);
}

X509_NAME *expect_subject(const json_t *options, const X509_REQ *csr)
{
	const json_t *subject = json_object_get(options, "subject");

	if (!subject)
		return subject_of_csr(csr);
	return json_is_object(subject) ? subject_of_options(subject) : X509_NAME_new();
}

/* --- extensions, by OpenSSL's own configuration language: these options are the operator's --- */

struct build {
	CONF *sections;
	X509V3_CTX ctx;
	X509_EXTENSIONS *extensions;
};

static bool push(struct build *build, const char *name, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_nconf(build->sections, &build->ctx, name, value);

	if (extension && X509v3_add_ext(&build->extensions, extension, -1)) {
		X509_EXTENSION_free(extension);
		return true;
	}
	X509_EXTENSION_free(extension);
	return false;
}

/* Appends "separator prefix value" of each text of a list. */
static void print_list(FILE *out, const json_t *list, const char *prefix, bool *first)
{
	const json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	{
		(void)fprintf(out, "%s%s%s", *first ? "" : ",", prefix, json_string_value(value));
		*first = false;
	}
}

static void print_critical(FILE *out, const json_t *value, bool *first)
{
	if (json_is_true(json_object_get(value, "critical"))) {
		(void)fputs("critical", out);
		*first = false;
	}
}

static void write_basic_constraints(FILE *out, const json_t *value)
{
	const json_t *pathlen = json_object_get(value, "pathlen");
	bool first = true;

	print_critical(out, value, &first);
	(void)fprintf(out, "%sCA:%s", first ? "" : ",",
		json_is_true(json_object_get(value, "CA")) ? "true" : "false");
	if (json_is_integer(pathlen) && json_integer_value(pathlen) >= 0)
		(void)fprintf(out, ",pathlen:%d", (int)json_integer_value(pathlen));
}

static void write_usages(FILE *out, const json_t *value)
{
	bool first = true;

	print_critical(out, value, &first);
	print_list(out, json_object_get(value, "usages"), "", &first);
}

static void write_tlsfeature(FILE *out, const json_t *value)
{
	bool first = true;

	print_list(out, value, "", &first);
}

static void write_access(FILE *out, const json_t *value)
{
	bool first = true;

	print_list(out, json_object_get(value, "OCSP"), "OCSP;URI:", &first);
	print_list(out, json_object_get(value, "caIssuers"), "caIssuers;URI:", &first);
}

static void write_distribution_points(FILE *out, const json_t *value)
{
	bool first = true;

	print_list(out, value, "URI:", &first);
}

/* ia5org: the organization of a notice is an IA5String. */
static void write_policies(FILE *out, const json_t *value)
{
	const json_t *policy;
	size_t i;

	json_array_foreach(value, i, policy)(void)
		fprintf(out, "%s@policy_%zu", i ? "," : "ia5org,", i);
}

static void write_sans(FILE *out, const json_t *value)
{
	(void)value;
	(void)fputs("@sans", out);
}

static const struct extension_writer {
	const char *key;
	const char *name;
	void (*write)(FILE *out, const json_t *value);
} writers[] = {
	{ "basicConstraints", "basicConstraints", write_basic_constraints },
	{ "keyUsage", "keyUsage", write_usages },
	{ "extendedKeyUsage", "extendedKeyUsage", write_usages },
	{ "tlsfeature", "tlsfeature", write_tlsfeature },
	{ "authorityInfoAccess", "authorityInfoAccess", write_access },
	{ "crlDistributionPoints", "crlDistributionPoints", write_distribution_points },
	{ "policies", "certificatePolicies", write_policies },
	{ "SANs", "subjectAltName", write_sans },
};

static bool push_by_writer(struct build *build, const char *key, const json_t *value)
{
	for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
		if (strcmp(writers[i].key, key) != 0)
			continue;
		CLEANUP(free) char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		if (!out)
			return false;
		writers[i].write(out, value);
		(void)fclose(out);
		return len == 0 || push(build, writers[i].name, text);
	}
	return false;
}

static bool push_custom(struct build *build, const json_t *list)
{
	const json_t *custom;
	size_t i;

	json_array_foreach(list, i, custom)
	{
		const char *oid = json_text(custom, "OID");
		const char *value = json_text(custom, "value");

		if (!oid || !value || !push(build, oid, value))
			return false;
	}
	return true;
}

static bool is_wanted(const json_t *value)
{
	return value && !json_is_false(value) && !json_is_null(value);
}

/* subjectAltName always comes last. */
static bool push_all(struct build *build, json_t *extensions)
{
	const char *key;
	json_t *value;

	json_object_foreach(extensions, key, value)
	{
		if (!is_wanted(value) || strcmp(key, "SANs") == 0)
			continue;
		if (!(strcmp(key, "customOIDs") == 0 ? push_custom(build, value)
						     : push_by_writer(build, key, value)))
			return false;
	}
	value = json_object_get(extensions, "SANs");
	return !is_wanted(value) || push_by_writer(build, "SANs", value);
}

static void print_sans_section(FILE *out, json_t *sans)
{
	const char *type;
	json_t *list;

	(void)fputs("[sans]\n", out);
	json_object_foreach(sans, type, list)
	{
		const json_t *value;
		size_t i;

		json_array_foreach(list, i, value)(void)
			fprintf(out, "%s.%zu = %s\n", type, i, json_string_value(value));
	}
}

static void print_notice_sections(FILE *out, size_t policy, const json_t *notices)
{
	const json_t *notice;
	size_t i;

	json_array_foreach(notices, i, notice)
	{
		const char *text = json_text(notice, "explicitText");
		const char *organization = json_text(notice, "organization");
		const json_t *numbers = json_object_get(notice, "noticeNumbers");
		const json_t *number;
		size_t n;

		(void)fprintf(out, "[notice_%zu_%zu]\n", policy, i);
		if (text)
			(void)fprintf(out, "explicitText = %s\n", text);
		if (organization)
			(void)fprintf(out, "organization = %s\n", organization);
		json_array_foreach(numbers, n, number)(void) fprintf(
			out, "%s%d", n ? "," : "noticeNumbers = ", (int)json_integer_value(number));
		(void)fputc('\n', out);
	}
}

static void print_policy_section(FILE *out, size_t index, const json_t *policy)
{
	const json_t *cps = json_object_get(policy, "CPS");
	const json_t *notices = json_object_get(policy, "userNotice");
	const char *oid = json_text(policy, "policyIdentifier");
	const json_t *value;
	size_t i;

	(void)fprintf(out, "[policy_%zu]\npolicyIdentifier = %s\n", index, oid ? oid : "");
	if (json_is_string(cps))
		(void)fprintf(out, "CPS.0 = %s\n", json_string_value(cps));
	json_array_foreach(cps, i, value)(void)
		fprintf(out, "CPS.%zu = %s\n", i, json_string_value(value));
	json_array_foreach(notices, i, value)(void)
		fprintf(out, "userNotice.%zu = @notice_%zu_%zu\n", i, index, i);
	print_notice_sections(out, index, notices);
}

static char *print_sections(json_t *extensions)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	const json_t *policy;
	size_t i;

	if (!out)
		return NULL;
	print_sans_section(out, json_object_get(extensions, "SANs"));
	json_array_foreach(json_object_get(extensions, "policies"), i, policy)
		print_policy_section(out, i, policy);
	(void)fclose(out);
	return text;
}

static CONF *load_sections(json_t *extensions)
{
	CLEANUP(free) char *text = print_sections(extensions);
	CLEANUP(bio) BIO *bio = text ? BIO_new_mem_buf(text, -1) : NULL;
	CONF *sections = NCONF_new(NULL);
	long line = 0;

	if (sections && bio && NCONF_load_bio(sections, bio, &line) > 0)
		return sections;
	NCONF_free(sections);
	return NULL;
}

X509_EXTENSIONS *expect_extensions(const json_t *options, X509 *cert, X509 *ca)
{
	json_t *extensions = json_object_get(options, "extensions");
	struct build build = { .sections = load_sections(extensions) };

	if (!build.sections)
		return NULL;
	X509V3_set_ctx(&build.ctx, ca, cert, NULL, NULL, 0);
	X509V3_set_nconf(&build.ctx, build.sections);
	bool complete = push(&build, "subjectKeyIdentifier", "hash") &&
			push(&build, "authorityKeyIdentifier", "keyid:always,issuer") &&
			push_all(&build, extensions);

	NCONF_free(build.sections);
	if (complete)
		return build.extensions;
	sk_X509_EXTENSION_pop_free(build.extensions, X509_EXTENSION_free);
	return NULL;
}

/* --- digest and validity --- */

int expect_digest_nid(const EVP_PKEY *ca_key, const char *wanted)
{
	static const struct {
		const char *name;
		int nid;
	} digests[] = { { "sha256", NID_sha256 }, { "sha384", NID_sha384 },
		{ "sha512", NID_sha512 } };

	if (EVP_PKEY_is_a(ca_key, "ED25519") || EVP_PKEY_is_a(ca_key, "ED448"))
		return NID_undef;
	for (size_t i = 0; wanted && i < ARRAY_LEN(digests); i++) {
		if (strcasecmp(digests[i].name, wanted) == 0)
			return digests[i].nid;
	}
	if (EVP_PKEY_is_a(ca_key, "EC") && EVP_PKEY_get_bits(ca_key) > 256)
		return EVP_PKEY_get_bits(ca_key) > 384 ? NID_sha512 : NID_sha384;
	return NID_sha256;
}

static bool parse_date(const char *text, int64_t *seconds)
{
	struct tm when = { 0 };

	if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &when))
		return false;
	*seconds = timegm(&when);
	return true;
}

bool expect_validity(const json_t *options, int64_t now_s, int64_t *from_s, int64_t *to_s)
{
	const char *start = json_text(options, "startdate");
	const char *end = json_text(options, "enddate");
	const json_t *days = json_object_get(options, "days");

	*from_s = now_s;
	if (start) {
		*to_s = now_s;
		return parse_date(start, from_s) && (!end || parse_date(end, to_s));
	}
	*to_s = now_s +
		(int64_t)EXPECT_DAY_SECONDS *
			(json_is_integer(days) ? json_integer_value(days) : EXPECT_DAYS_DEFAULT);
	return true;
}
