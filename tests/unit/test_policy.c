/* SPDX-License-Identifier: Apache-2.0 */
/* Each limit of a block, just kept and just broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "cleanup.h"
#include "policy_file.h"
#include "support/directory.h"

static const char own[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* What the certificate is made of. */
struct wanted {
	long days;
	int rsa_bits; /* 0: P-256 */
	const char *constraints, *usages, *names;
};

static const struct wanted plain = { .days = 30 };

static void add(X509 *cert, int nid, const char *value)
{
	if (!value)
		return;
	CLEANUP(x509_extension)
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
}

static uint8_t *make(const struct wanted *wanted, int *len)
{
	CLEANUP(x509) X509 *cert = X509_new();
	CLEANUP(pkey)
	EVP_PKEY *key =
		wanted->rsa_bits ? EVP_RSA_gen((unsigned)wanted->rsa_bits) : EVP_EC_gen("P-256");
	uint8_t *tbs = NULL;

	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(cert), "270101000000Z"), 1);
	struct tm from;

	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(cert), &from), 1);
	assert_non_null(
		ASN1_TIME_adj(X509_getm_notAfter(cert), timegm(&from), (int)wanted->days, 0));
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "O", MBSTRING_UTF8,
				 (const uint8_t *)"Example", -1, -1, 0),
		1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	add(cert, NID_basic_constraints, wanted->constraints);
	add(cert, NID_ext_key_usage, wanted->usages);
	add(cert, NID_subject_alt_name, wanted->names);
	assert_int_equal(X509_sign(cert, key, EVP_sha256()) > 0, 1);
	*len = i2d_re_X509_tbs(cert, &tbs);
	assert_true(*len > 0);
	return tbs;
}

/* The verdict under a block with these lines. */
static struct policy_verdict judge(
	const char *lines, const struct wanted *wanted, CK_MECHANISM_TYPE type)
{
	struct directory directory;
	struct policy *policy = NULL;
	struct policy_verdict verdict;
	const CK_MECHANISM mechanism = { type, NULL, 0 };
	char text[512];
	int len = 0;
	CLEANUP(openssl) uint8_t *tbs = make(wanted, &len);

	directory_make(&directory);
	(void)snprintf(text, sizeof(text), "key \"%s\" {\n%s\n}\n", own, lines);
	assert_int_equal(
		policy_load(directory_write(&directory, "policy.conf", text), NULL, &policy), 0);
	assert_int_equal(policy->count, 1);
	policy_judge(&policy->keys[0], &mechanism, bytes_of(tbs, (size_t)len), &verdict);
	policy_free(policy);
	directory_remove(&directory);
	return verdict;
}

static void expect_kept(const char *lines, const struct wanted *wanted)
{
	struct policy_verdict verdict = judge(lines, wanted, CKM_ECDSA_SHA256);

	if (verdict.refused)
		print_error("%s: %s\n", lines, verdict.reason);
	assert_false(verdict.refused);
}

static void expect_broken(const char *lines, const struct wanted *wanted, const char *reason)
{
	struct policy_verdict verdict = judge(lines, wanted, CKM_ECDSA_SHA256);

	assert_true(verdict.refused);
	if (!strstr(verdict.reason, reason))
		print_error("%s: %s\n", lines, verdict.reason);
	assert_non_null(strstr(verdict.reason, reason));
}

static void classes_are_those_of_the_profile(void **state)
{
	const struct wanted ca = { .days = 30, .constraints = "critical,CA:TRUE,pathlen:1" };

	(void)state;
	expect_kept("profile = leaf-only", &plain);
	expect_broken("profile = leaf-only", &ca, "the class ca is not among");
	expect_kept("profile = ca-only", &ca);
	expect_broken("profile = ca-only", &plain, "the class leaf is not among");
	expect_broken("profile = crl-only", &plain, "the class leaf is not among");
	expect_broken("classes = {}", &plain, "the class leaf is not among");
}

static void validity_is_bounded(void **state)
{
	(void)state;
	expect_kept("profile = ca max_days = 30", &plain);
	expect_broken("profile = ca max_days = 29", &plain, "'max_days' is 29");
	expect_kept("profile = ca not_after = \"2027-01-31T00:00:00Z\"", &plain);
	expect_broken("profile = ca not_after = \"2027-01-30T23:59:59Z\"", &plain, "'not_after'");
}

static void path_length_is_bounded(void **state)
{
	const struct wanted none = { .days = 30, .constraints = "critical,CA:TRUE" };
	const struct wanted one = { .days = 30, .constraints = "critical,CA:TRUE,pathlen:1" };

	(void)state;
	expect_kept("profile = ca path_length = 1", &one);
	expect_broken("profile = ca path_length = 0", &one, "path length 1");
	expect_broken("profile = ca path_length = 1", &none, "without path length");
	expect_kept("profile = ca path_length = 0", &plain);
}

static void key_sizes_have_a_least(void **state)
{
	const struct wanted small = { .days = 30, .rsa_bits = 1024 };

	(void)state;
	expect_kept("profile = ca rsa_bits = 1024 ec_bits = 384", &small);
	expect_broken("profile = ca rsa_bits = 2048", &small, "'rsa_bits' is 2048");
	expect_kept("profile = ca ec_bits = 256", &plain);
	expect_broken("profile = ca ec_bits = 384", &plain, "'ec_bits' is 384");
}

static void usages_are_a_list(void **state)
{
	const struct wanted server = { .days = 30, .usages = "serverAuth" };
	const struct wanted two = { .days = 30, .usages = "serverAuth,1.2.3.4" };

	(void)state;
	expect_kept("profile = ca usages = {serverAuth}", &server);
	expect_kept("profile = ca usages = {serverAuth, \"1.2.3.4\"}", &two);
	expect_broken("profile = ca usages = {serverAuth}", &two, "1.2.3.4 is not among");
	expect_broken("profile = ca usages = {serverAuth}", &plain, "no extended key usage");
}

static void names_are_constrained(void **state)
{
	const struct wanted inside = { .days = 30, .names = "DNS:www.example.com" };
	const struct wanted outside = { .days = 30, .names = "DNS:www.example.org" };
	const char *block = "profile = ca names = \"permitted;DNS:example.com\"";

	(void)state;
	expect_kept(block, &inside);
	expect_broken(block, &outside, "'names' does not permit");
}

static void hashes_are_a_list(void **state)
{
	const char *block = "profile = ca hashes = {sha384, sha512}";

	(void)state;
	assert_true(judge(block, &plain, CKM_ECDSA_SHA256).refused);
	assert_false(judge(block, &plain, CKM_ECDSA_SHA384).refused);
	assert_true(judge(block, &plain, CKM_SHA256_RSA_PKCS_PSS).refused);
	assert_false(judge(block, &plain, CKM_EDDSA).refused);
}

static void only_whole_messages_are_seen(void **state)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		bool sees;
	} cases[] = { { CKM_ECDSA_SHA256, true }, { CKM_SHA512_RSA_PKCS, true },
		{ CKM_SHA384_RSA_PKCS_PSS, true }, { CKM_EDDSA, true }, { CKM_ECDSA, false },
		{ CKM_RSA_PKCS, false }, { CKM_RSA_X_509, false }, { CKM_RSA_PKCS_PSS, false },
		{ CKM_SHA1_RSA_PKCS, false }, { CKM_RSA_9796, false } };
	uint8_t parameter = 1;
	const CK_MECHANISM hashed_before = { CKM_EDDSA, &parameter, sizeof(parameter) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			policy_sees_all(&(CK_MECHANISM){ cases[i].type, NULL, 0 }), cases[i].sees);
	assert_false(policy_sees_all(&hashed_before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_those_of_the_profile),
		cmocka_unit_test(validity_is_bounded),
		cmocka_unit_test(path_length_is_bounded),
		cmocka_unit_test(key_sizes_have_a_least),
		cmocka_unit_test(usages_are_a_list),
		cmocka_unit_test(names_are_constrained),
		cmocka_unit_test(hashes_are_a_list),
		cmocka_unit_test(only_whole_messages_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
