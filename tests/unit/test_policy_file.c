/* SPDX-License-Identifier: Apache-2.0 */
/* policy.conf: what is taken, what is refused, and the block of a new CA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iothsm/iothsm.h>
#include <openssl/pem.h>

#include "cleanup.h"
#include "policy_file.h"
#include "support/directory.h"

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

static int setup(void **state)
{
	static struct directory directory;

	directory_make(&directory);
	*state = &directory;
	return 0;
}

static int teardown(void **state)
{
	directory_remove(*state);
	return 0;
}

static CK_RV load(void **state, const char *text, struct policy **policy)
{
	return policy_load(directory_write(*state, "policy.conf", text), NULL, policy);
}

static void absent_file_and_directory_are_no_policy(void **state)
{
	struct directory *directory = *state;
	struct policy *policy = NULL;

	assert_int_equal(
		policy_load(directory_file(directory, "none"), "/nowhere/at/all", &policy), CKR_OK);
	assert_int_equal(policy->count, 0);
	assert_false(policy_is_enforced(policy));
	policy_free(policy);
}

static void mistakes_are_refused(void **state)
{
	static const char *const texts[] = {
		"key \"" ONE "\" { }",
		"key \"" ONE "\" { profile = ca classes = {leaf} }",
		"key \"1234\" { profile = ca }",
		"key \"" ONE "\" { profile = everything }",
		"key \"" ONE "\" { classes = {leaf, everything} }",
		"key \"" ONE "\" { profile = ca prehashed = perhaps }",
		"key \"" ONE "\" { profile = ca max_days = -2 }",
		"key \"" ONE "\" { profile = ca path_length = 1000 }",
		"key \"" ONE "\" { profile = ca not_after = tomorrow }",
		"key \"" ONE "\" { profile = ca hashes = {md5} }",
		"key \"" ONE "\" { profile = ca usages = {\"no usage\"} }",
		"key \"" ONE "\" { profile = ca names = \"permitted;nonsense\" }",
		"key \"" ONE "\" { profile = ca unknown_key = 1 }",
		"key \"" ONE "\" { profile = ca } key \"" ONE "\" { profile = ca }",
		"key \"" ONE "\" { profile = ca",
		"profile = ca",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct policy *policy = NULL;

		if (load(state, texts[i], &policy) == CKR_OK)
			print_error("accepted: %s\n", texts[i]);
		assert_null(policy);
	}
}

static void file_that_others_may_write_is_refused(void **state)
{
	static const mode_t modes[] = { 0664, 0646, 0666 };
	struct policy *policy = NULL;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		const char *path =
			directory_write(*state, "policy.conf", "key \"" ONE "\" { profile = ca }");

		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(policy_load(path, NULL, &policy), CKR_IOTHSM_POLICY);
		assert_int_equal(unlink(path), 0);
	}
}

static void link_is_not_followed(void **state)
{
	struct policy *policy = NULL;
	char target[PATH_MAX];

	(void)snprintf(target, sizeof(target), "%s",
		directory_write(*state, "target", "key \"" ONE "\" { profile = ca }"));
	const char *path = directory_file(*state, "policy.conf");

	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(policy_load(path, NULL, &policy), CKR_IOTHSM_POLICY);
}

static void block_of_the_file_counts_before_that_of_the_directory(void **state)
{
	struct directory *directory = *state;
	struct policy *policy = NULL;
	uint8_t spki[SIGNED_SPKI_LEN];

	directory_write(directory, "one.conf",
		"key \"" ONE "\" { profile = ca observe = yes } key \"" TWO
		"\" { profile = ca observe = yes }");
	directory_write(directory, "left.out", "nonsense");
	const char *path =
		directory_write(directory, "policy", "key \"" ONE "\" { profile = leaf-only }");

	assert_int_equal(policy_load(path, directory->path, &policy), CKR_OK);
	assert_int_equal(policy->count, 2);
	memset(spki, 0x11, sizeof(spki));
	assert_false(policy_find(policy, spki)->observe);
	memset(spki, 0x22, sizeof(spki));
	assert_true(policy_find(policy, spki)->observe);
	memset(spki, 0x33, sizeof(spki));
	assert_null(policy_find(policy, spki));
	assert_true(policy_is_enforced(policy));
	policy_free(policy);
}

static X509 *read_cert(const char *path)
{
	CLEANUP(file) FILE *file = fopen(path, "r");

	assert_non_null(file);
	return PEM_read_X509(file, NULL, NULL, NULL);
}

static void default_block_allows_what_the_certificate_does(void **state)
{
	CLEANUP(x509) X509 *ca = read_cert(TEST_DATA "/vectors/provision/selfsigned.pem");
	char text[POLICY_TEXT_MAX];
	struct policy *policy = NULL;

	assert_true(policy_write_default(ca, text));
	assert_int_equal(load(state, text, &policy), CKR_OK);
	const struct policy_key *key = &policy->keys[0];

	/* Its path length is 0: no CA below. */
	assert_int_equal(key->classes, 1U << SIGNED_SELF | 1U << SIGNED_REQUEST | 1U << SIGNED_CMS |
					       1U << SIGNED_LEAF | 1U << SIGNED_EPHEMERAL |
					       1U << SIGNED_CRL);
	assert_true(key->observe);
	assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(ca), key->not_after), 0);
	policy_free(policy);
}

static void certificate_of_no_authority_has_no_default(void **state)
{
	CLEANUP(x509) X509 *leaf = read_cert(TEST_DATA "/vectors/run_ec/01_ephemeral_cert.pem");
	char text[POLICY_TEXT_MAX];

	(void)state;
	assert_false(policy_write_default(leaf, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			absent_file_and_directory_are_no_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_that_others_may_write_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(link_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			block_of_the_file_counts_before_that_of_the_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(
			default_block_allows_what_the_certificate_does, setup, teardown),
		cmocka_unit_test(certificate_of_no_authority_has_no_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
