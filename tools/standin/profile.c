/* SPDX-License-Identifier: Apache-2.0 */
/* What an appliance's S/MIME certificate must look like before the platform trusts it. */
#include "profile.h"

#include <openssl/x509v3.h>
#include <time.h>

#include "cleanup.h"

#define PROFILE_COMMON_NAME "IoT HSM SMIME Cert for PKIaaS.io Validation"

enum {
	PROFILE_LIFETIME_MAX_SECONDS = 15 * 60,
	PROFILE_SERIAL_MAX_BYTES = 20,
	PROFILE_RSA_MIN_BITS = 2048
};

struct examined {
	X509 *cert;
	X509 *ca;
	int64_t now_s;
};

static bool is_version_3(const struct examined *it)
{
	return X509_get_version(it->cert) == X509_VERSION_3;
}

static bool has_random_serial(const struct examined *it)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(it->cert);

	return ASN1_STRING_type(serial) == V_ASN1_INTEGER && ASN1_STRING_length(serial) > 8 &&
	       ASN1_STRING_length(serial) <= PROFILE_SERIAL_MAX_BYTES;
}

static bool has_fixed_subject(const struct examined *it)
{
	const X509_NAME *name = X509_get_subject_name(it->cert);
	const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, 0);

	if (X509_NAME_entry_count(name) != 1 ||
		OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName)
		return false;
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);

	return ASN1_STRING_type(value) == V_ASN1_UTF8STRING &&
	       bytes_equal(
		       bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)),
		       bytes_of_text(PROFILE_COMMON_NAME));
}

static bool has_ca_as_issuer(const struct examined *it)
{
	return X509_NAME_cmp(X509_get_issuer_name(it->cert), X509_get_subject_name(it->ca)) == 0;
}

static bool time_of(const ASN1_TIME *time, int64_t *seconds)
{
	struct tm when;

	if (ASN1_TIME_to_tm(time, &when) != 1)
		return false;
	*seconds = timegm(&when);
	return true;
}

static bool is_short_lived_and_valid(const struct examined *it)
{
	int64_t from = 0, to = 0;

	return time_of(X509_get0_notBefore(it->cert), &from) &&
	       time_of(X509_get0_notAfter(it->cert), &to) &&
	       to - from <= PROFILE_LIFETIME_MAX_SECONDS && from <= it->now_s && it->now_s <= to;
}

static bool has_rsa_key(const struct examined *it)
{
	const EVP_PKEY *key = X509_get0_pubkey(it->cert);

	return key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= PROFILE_RSA_MIN_BITS;
}

static bool has_exactly_its_extensions(const struct examined *it)
{
	static const struct {
		int nid;
		int critical;
	} wanted[] = { { NID_subject_key_identifier, 0 }, { NID_authority_key_identifier, 0 },
		{ NID_key_usage, 1 }, { NID_ext_key_usage, 1 } };

	if (X509_get_ext_count(it->cert) != (int)ARRAY_LEN(wanted))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		X509_EXTENSION *extension = X509_get_ext(it->cert, (int)i);

		if (OBJ_obj2nid(X509_EXTENSION_get_object(extension)) != wanted[i].nid ||
			X509_EXTENSION_get_critical(extension) != wanted[i].critical)
			return false;
	}
	return true;
}

static bool has_its_key_usages(const struct examined *it)
{
	return X509_get_key_usage(it->cert) ==
		       (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT) &&
	       X509_get_extended_key_usage(it->cert) == XKU_SMIME;
}

static bool has_key_identifiers(const struct examined *it)
{
	const ASN1_OCTET_STRING *keyid = X509_get0_authority_key_id(it->cert);
	const ASN1_OCTET_STRING *ca = X509_get0_subject_key_id(it->ca);

	return X509_get0_subject_key_id(it->cert) && keyid &&
	       !X509_get0_authority_issuer(it->cert) &&
	       (!ca || ASN1_OCTET_STRING_cmp(keyid, ca) == 0);
}

const char *profile_fault(X509 *cert, X509 *ca, int64_t now_s)
{
	static const struct {
		bool (*holds)(const struct examined *it);
		const char *fault;
	} rules[] = {
		{ is_version_3, "is no version 3 certificate" },
		{ has_random_serial, "has no random serial of at most 20 bytes" },
		{ has_fixed_subject, "has another subject" },
		{ has_ca_as_issuer, "has another issuer" },
		{ is_short_lived_and_valid, "is not valid now or lives longer than 15 minutes" },
		{ has_rsa_key, "has no RSA key of 2048 bits" },
		{ has_exactly_its_extensions, "has other extensions" },
		{ has_its_key_usages, "has other key usages" },
		{ has_key_identifiers, "has other key identifiers" },
	};
	const struct examined it = { cert, ca, now_s };

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (!rules[i].holds(&it))
			return rules[i].fault;
	}
	return NULL;
}
