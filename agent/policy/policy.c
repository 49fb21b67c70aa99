/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict on one signature: its class, and for certificates each limit of the block in turn. */
#include "policy.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

#include "cleanup.h"
#include "key_hash.h"
#include "policy_block.h"

enum { NAME_MAX_LEN = 80, SECONDS_OF_DAY = 24 * 3600 };

static const char *const hash_names[] = { [POLICY_HASH_SHA224] = "SHA224",
	[POLICY_HASH_SHA256] = "SHA256",
	[POLICY_HASH_SHA384] = "SHA384",
	[POLICY_HASH_SHA512] = "SHA512" };

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->count; i++)
		policy_block_reset(&policy->keys[i]);
	free(policy->keys);
	free(policy);
}

static int by_spki(const void *wanted, const void *key)
{
	return memcmp(wanted, ((const struct policy_key *)key)->spki, SIGNED_SPKI_LEN);
}

const struct policy_key *policy_find(
	const struct policy *policy, const uint8_t spki[SIGNED_SPKI_LEN])
{
	if (!policy || policy->count == 0)
		return NULL;
	return bsearch(spki, policy->keys, policy->count, sizeof(*policy->keys), by_spki);
}

bool policy_is_enforced(const struct policy *policy)
{
	for (size_t i = 0; policy && i < policy->count; i++)
		if (!policy->keys[i].observe)
			return true;
	return false;
}

/* With a parameter CKM_EDDSA may take a digest (Ed25519ph). */
bool policy_sees_all(const CK_MECHANISM *mechanism)
{
	if (mechanism->mechanism == CKM_EDDSA)
		return mechanism->ulParameterLen == 0;
	return key_hash_by_mechanism(mechanism->mechanism) != NULL;
}

int policy_hash_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(hash_names); i++)
		if (strcasecmp(hash_names[i], name) == 0)
			return (int)i;
	return -1;
}

static bool refuse(struct policy_verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static bool refuse(struct policy_verdict *verdict, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(verdict->reason, sizeof(verdict->reason), format, arguments);
	va_end(arguments);
	verdict->refused = true;
	return false;
}

static bool check_hash(
	const struct policy_key *key, const CK_MECHANISM *mechanism, struct policy_verdict *verdict)
{
	const struct key_hash *hash = key_hash_by_mechanism(mechanism->mechanism);

	if (!key->hashes || !hash)
		return true;
	int found = policy_hash_find(hash->name);

	return (found >= 0 && (key->hashes & 1U << found)) ||
	       refuse(verdict, "the hash %s is not among 'hashes'", hash->name);
}

static bool check_life(
	const struct policy_key *key, const X509 *cert, struct policy_verdict *verdict)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
	int days = 0, seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, from, to) != 1 || days < 0 || seconds < 0)
		return refuse(verdict, "the validity cannot be read or ends before it begins");
	/* The last second counts too (RFC 5280, 4.1.2.5). */
	int64_t life_s = (int64_t)days * SECONDS_OF_DAY + seconds + 1;

	if (key->days >= 0 && life_s > (int64_t)key->days * SECONDS_OF_DAY + 1)
		return refuse(verdict, "valid for %d days and %d seconds, 'max_days' is %ld", days,
			seconds, key->days);
	if (key->not_after != 0 && ASN1_TIME_cmp_time_t(to, key->not_after) > 0)
		return refuse(verdict, "valid beyond 'not_after'");
	return true;
}

static bool check_path(const struct policy_key *key, X509 *cert, struct policy_verdict *verdict)
{
	if (key->path_length < 0 || verdict->class != SIGNED_CA)
		return true;
	long length = X509_get_pathlen(cert);

	if (length < 0)
		return refuse(verdict, "a CA certificate without path length, 'path_length' is %ld",
			key->path_length);
	return length <= key->path_length ||
	       refuse(verdict, "path length %ld, 'path_length' is %ld", length, key->path_length);
}

static bool check_size(
	const struct policy_key *key, const X509 *cert, struct policy_verdict *verdict)
{
	const EVP_PKEY *certified = X509_get0_pubkey(cert);

	if (key->rsa_bits <= 0 && key->ec_bits <= 0)
		return true;
	if (!certified)
		return refuse(verdict, "the certified key cannot be read");
	bool rsa = EVP_PKEY_is_a(certified, "RSA") || EVP_PKEY_is_a(certified, "RSA-PSS");
	bool curve = EVP_PKEY_is_a(certified, "EC") || EVP_PKEY_is_a(certified, "ED25519") ||
		     EVP_PKEY_is_a(certified, "ED448");
	long least = rsa ? key->rsa_bits : key->ec_bits;

	if (!rsa && !curve)
		return refuse(verdict, "the certified key is neither RSA nor of a curve");
	/* Ed25519 has 253 bits by OpenSSL's count and stands beside P-256. */
	long bits = EVP_PKEY_is_a(certified, "ED25519") ? 256 : EVP_PKEY_get_bits(certified);

	return bits >= least || refuse(verdict, "a certified key of %ld bits, '%s' is %ld", bits,
					rsa ? "rsa_bits" : "ec_bits", least);
}

static bool is_usage_listed(const struct policy_key *key, const ASN1_OBJECT *usage)
{
	for (size_t i = 0; i < key->usage_count; i++)
		if (OBJ_cmp(key->usages[i], usage) == 0)
			return true;
	return false;
}

/* A certificate that names no usage is good for each of them. */
static bool check_usages(const struct policy_key *key, X509 *cert, struct policy_verdict *verdict)
{
	if (key->usage_count == 0 || verdict->class != SIGNED_LEAF)
		return true;
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool listed = sk_ASN1_OBJECT_num(usages) > 0;

	if (!listed)
		(void)refuse(verdict, "no extended key usage, 'usages' wants one of its own");
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages) && listed; i++) {
		const ASN1_OBJECT *usage = sk_ASN1_OBJECT_value(usages, i);
		char name[NAME_MAX_LEN] = "";

		(void)OBJ_obj2txt(name, sizeof(name), usage, 0);
		listed = is_usage_listed(key, usage) ||
			 refuse(verdict, "the extended key usage %s is not among 'usages'", name);
	}
	EXTENDED_KEY_USAGE_free(usages);
	return listed;
}

static bool check_names(const struct policy_key *key, X509 *cert, struct policy_verdict *verdict)
{
	if (!key->names)
		return true;
	int result = NAME_CONSTRAINTS_check(cert, key->names);

	if (result == X509_V_OK)
		result = NAME_CONSTRAINTS_check_CN(cert, key->names);
	return result == X509_V_OK || refuse(verdict, "a name that 'names' does not permit: %s",
					      X509_verify_cert_error_string(result));
}

static void judge_certificate(
	const struct policy_key *key, X509 *cert, struct policy_verdict *verdict)
{
	static bool (*const checks[])(const struct policy_key *key, X509 *cert,
		struct policy_verdict *verdict) = { check_path, check_usages, check_names };

	if (!check_life(key, cert, verdict) || !check_size(key, cert, verdict))
		return;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (!checks[i](key, cert, verdict))
			return;
}

void policy_judge(const struct policy_key *key, const CK_MECHANISM *mechanism, struct bytes input,
	struct policy_verdict *verdict)
{
	struct signed_input found;

	*verdict = (struct policy_verdict){ .class = SIGNED_UNKNOWN };
	(void)ERR_set_mark();
	signed_read(input, key->spki, &found);
	verdict->class = found.class;
	if (!(key->classes & 1U << found.class))
		(void)refuse(verdict, "the class %s is not among 'classes'%s%s",
			signed_name(found.class), found.why[0] ? ": " : "", found.why);
	else if (check_hash(key, mechanism, verdict) && found.cert &&
		 found.class != SIGNED_EPHEMERAL)
		judge_certificate(key, found.cert, verdict);
	signed_reset(&found);
	(void)ERR_pop_to_mark();
}
